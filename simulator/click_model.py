"""The hidden formula: how likely each impression is clicked.

    logit p = b(month) + user + site + device + position + hour(t) + age + country
              + taste(segment) · goods(advertiser category) + 0.08 z(bid)
              + sum_k w_k(columns) · x_k

where x_k = 2 · attribute_k - 1 in [-1, 1] are the image's attributes (warmth, contrast, saturation, clutter,
cta) and w_k grows or shrinks with the columns:

    w_warmth     = warmth_by_taste[segment's group]
    w_contrast   = contrast_by_position[position]
    w_saturation = 0.20, and 0.20 more from 18 to 23 h UTC
    w_clutter    = clutter_by_device[device]
    w_cta        = cta_by_device[device]

A missing age or creative adds nothing; an unknown segment has no tastes and a small weight of warmth. The
drift d(month) = 1 - exp(-(month - 1) / 4) moves the base rate, the weight of the call to action on mobile
(banner blindness) and of warmth for leisure. `COEFFICIENTS` holds every number. Neither ad nor campaign has
an effect of its own; user and site are hidden, and their historical rates are noisy views of them.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from simulator.population import Floats, Population, Size, Stream, draw_attributes, generator
from simulator.traffic import Impressions, drift, sigmoid
from simulator.vocabulary import (
    ADVERTISER_CATEGORIES,
    ADVERTISER_GROUPS,
    COUNTRIES,
    GOODS,
    SEGMENT_GROUPS,
    SEGMENTS,
    TASTES,
)

# Creatives over which the expectation given the columns alone is taken, for each advertiser category.
EXPECTATION_CREATIVES = 512
CHUNK_ROWS = 8_192


@dataclasses.dataclass(frozen=True)
class Coefficients:
    """Log odds of the formula; tuples are ordered as in vocabulary.py."""

    base: float = -3.02
    base_drift: float = -0.10
    device: tuple[float, ...] = (0.18, -0.15, 0.0, -0.60)
    position: tuple[float, ...] = (0.30, -0.35, 0.20, -0.60, 0.65)
    hour_amplitude: float = 0.20
    hour_peak: float = 20.0  # UTC
    age_per_decade: float = 0.06
    country_spread: float = 0.10
    affinity: tuple[tuple[float, ...], ...] = (  # tastes × goods
        (0.50, -0.10, -0.25, 0.00),
        (-0.10, 0.45, -0.30, 0.00),
        (-0.15, -0.40, 0.55, 0.10),
        (0.00, 0.05, -0.10, 0.40),
    )
    log_bid: float = 0.08
    warmth_by_taste: tuple[float, ...] = (0.75, 0.50, -0.70, -0.25)
    warmth_unknown_taste: float = 0.10
    warmth_leisure_drift: float = -0.25
    contrast_by_position: tuple[float, ...] = (0.20, 0.75, 0.35, 0.80, -0.05)
    saturation: float = 0.20
    saturation_evening: float = 0.20
    clutter_by_device: tuple[float, ...] = (-0.75, -0.20, -0.45, -0.60)
    cta_by_device: tuple[float, ...] = (0.68, 0.22, 0.42, -0.15)
    cta_mobile_drift: float = -0.15


COEFFICIENTS = Coefficients()


@dataclasses.dataclass(frozen=True)
class Clicks:
    """Truth and outcome of a month's impressions; every array is [n]."""

    probability: Floats
    probability_columns_only: Floats  # expectation over the creatives of the advertiser's category
    clicked: npt.NDArray[np.bool_]


def _hour(impressions: Impressions) -> Floats:
    return (impressions.second % 86_400) / 3600


def _taste(population: Population, impressions: Impressions) -> npt.NDArray[np.int64]:
    """Index into TASTES of each impression's user; len(TASTES) where the segment is unknown; [n]."""
    of_segment = np.array([TASTES.index(SEGMENT_GROUPS[segment]) for segment in SEGMENTS] + [len(TASTES)])
    return np.asarray(of_segment[population.users.segment[impressions.user]])


def column_log_odds(population: Population, impressions: Impressions, coefficients: Coefficients) -> Floats:
    """What the columns add on their own, the base rate included; [n]."""
    users, creatives, user = population.users, population.creatives, impressions.user
    category = creatives.category[population.ads.creative[impressions.ad]]
    goods_of = np.array([GOODS.index(ADVERTISER_GROUPS[category]) for category in ADVERTISER_CATEGORIES])
    affinity = np.vstack([coefficients.affinity, np.zeros(len(GOODS))])  # the last row: unknown segment
    age = np.nan_to_num(users.age[user] - 42, nan=0.0)
    country = np.linspace(coefficients.country_spread, -coefficients.country_spread, len(COUNTRIES))
    log_odds = coefficients.base + coefficients.base_drift * drift(impressions.month)
    return np.asarray(
        log_odds
        + np.where(impressions.is_newcomer, users.newcomer_propensity[user], users.propensity[user])
        + population.sites.effect[impressions.site]
        + np.array(coefficients.device)[impressions.device]
        + np.array(coefficients.position)[impressions.position]
        + coefficients.hour_amplitude * np.cos(2 * np.pi * (_hour(impressions) - coefficients.hour_peak) / 24)
        + coefficients.age_per_decade * age / 10
        + country[users.country[user]]
        + affinity[_taste(population, impressions), goods_of[category]]
        + coefficients.log_bid * (np.log(impressions.bid_usd) - 0.2) / 0.5,
        dtype=np.float64,
    )


def attribute_weights(population: Population, impressions: Impressions, coefficients: Coefficients) -> Floats:
    """Weight of each image attribute given the columns; zero where the creative is missing; [n, 5]."""
    moved = drift(impressions.month)
    warmth = np.array([*coefficients.warmth_by_taste, coefficients.warmth_unknown_taste])
    warmth[TASTES.index("leisure")] += moved * coefficients.warmth_leisure_drift
    cta = np.array(coefficients.cta_by_device)
    cta[0] += moved * coefficients.cta_mobile_drift
    is_evening = _hour(impressions) >= 18
    weights = np.column_stack(
        [
            warmth[_taste(population, impressions)],
            np.array(coefficients.contrast_by_position)[impressions.position],
            coefficients.saturation + coefficients.saturation_evening * is_evening,
            np.array(coefficients.clutter_by_device)[impressions.device],
            cta[impressions.device],
        ]
    )
    return np.asarray(weights * impressions.has_creative[:, None], dtype=np.float64)


def expected_probability(column: Floats, weights: Floats, attributes: Floats) -> Floats:
    """E[p] over creatives: mean of sigmoid(column_i + weights_i · x_j) over j.

    Args:
        column: [n] log odds of the columns.
        weights: [n, 5] weights of the attributes.
        attributes: [creatives, 5] in [0, 1].
    """
    centred = (2 * attributes - 1).T  # [5, creatives]
    expected = np.empty(len(column))
    for start in range(0, len(column), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        expected[rows] = sigmoid(column[rows, None] + weights[rows] @ centred).mean(axis=1)
    return expected


def draw_clicks(
    population: Population, impressions: Impressions, size: Size, coefficients: Coefficients = COEFFICIENTS
) -> Clicks:
    """Click probability of each impression, the same without sight of the image, and the sampled label."""
    creatives = population.creatives
    creative = population.ads.creative[impressions.ad]
    column = column_log_odds(population, impressions, coefficients)
    weights = attribute_weights(population, impressions, coefficients)
    probability = sigmoid(column + (weights * (2 * creatives.attributes[creative] - 1)).sum(axis=1))
    rng = generator(size.seed, Stream.EXPECTATION)
    columns_only = np.empty(len(column))
    for category, style in enumerate(creatives.styles):
        others = draw_attributes(rng, np.tile(style, (EXPECTATION_CREATIVES, 1)))
        rows = creatives.category[creative] == category
        columns_only[rows] = expected_probability(column[rows], weights[rows], others)
    labels = generator(size.seed, Stream.LABELS, impressions.month)
    return Clicks(probability, columns_only, labels.random(len(column)) < probability)
