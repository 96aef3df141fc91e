"""Who and what there is to be shown: users, sites, campaigns, creatives and the ads that carry them.

Everything is drawn from generators seeded with `(seed, stream, ...)`, one stream per concept, so that
changing how one concept is drawn leaves the others as they were.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from simulator.vocabulary import ADVERTISER_CATEGORIES, ATTRIBUTES, COUNTRIES, SEGMENTS, SITE_CATEGORIES

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

SITE_COUNT = 300
CAMPAIGN_COUNT = 200
NEW_USER_SHARE = 0.25
MISSING_AGE_SHARE = 0.12
MISSING_SEGMENT_SHARE = 0.03
# log-odds spread of what one user, one newcomer or one site adds of its own
USER_SPREAD = 0.45
NEWCOMER_SPREAD = 0.15
SITE_SPREAD = 0.36
# attributes follow a Beta of this concentration (a + b) about the mean of their advertiser category
ATTRIBUTE_CONCENTRATION = 2.6
CATEGORY_STYLE_SPREAD = 0.10
EARLY_LAUNCH_SHARE = 0.4
SIZES_PX: tuple[tuple[int, int], ...] = (
    (120, 90),
    (125, 125),
    (180, 150),
    (200, 200),
    (250, 250),
    (300, 250),
)


class Stream(enum.IntEnum):
    """Which concept a generator draws; part of its seed."""

    USERS = 1
    SITES = 2
    CAMPAIGNS = 3
    STYLES = 4
    CREATIVES = 5
    ADS = 6
    RATES = 7
    TRAFFIC = 8
    LABELS = 9
    EXPECTATION = 10
    DRAWING = 11
    SITE_DRIFT = 12


def generator(seed: int, stream: Stream, *more: int) -> np.random.Generator:
    """Generator of one concept (and month or creative, in `more`), independent of all others."""
    return np.random.default_rng([seed, int(stream), *more])


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a sample to draw: totals over all months, but `users` counts those active in a month."""

    impressions: int
    creatives: int
    months: int
    users: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Users:
    """All users ever active, in order of arrival; one entry each."""

    age: Floats  # years, NaN where unknown
    segment: Ints  # index into SEGMENTS, -1 where unknown
    country: Ints
    propensity: Floats  # log odds, once the user has a history
    newcomer_propensity: Floats  # log odds, in the month of arrival
    activity: Floats  # relative number of impressions


@dataclasses.dataclass(frozen=True)
class Sites:
    """Publishers, the most visited first; one entry each."""

    category: Ints
    effect: Floats  # log odds, its category's mean included
    traffic: Floats  # relative number of impressions in month 1
    is_measured: npt.NDArray[np.bool_]  # False: no historical rate is known


@dataclasses.dataclass(frozen=True)
class Creatives:
    """Ad images with their campaign and launch; one entry each, in order of launch month."""

    names: list[str]  # file names: cr_00012.png
    attributes: Floats  # [creatives, 5] in [0, 1], columns as in ATTRIBUTES
    size_px: Ints  # [creatives, 2] width, height
    campaign: Ints
    category: Ints  # of the advertiser
    launch_month: Ints  # 1 = first
    launch_day: Ints  # 1 = first day of that month
    styles: Floats  # [categories, 5] mean attributes of each advertiser category


@dataclasses.dataclass(frozen=True)
class Ads:
    """Ads, one or two for each creative; one entry each."""

    creative: Ints
    popularity: Floats  # relative number of impressions while new


@dataclasses.dataclass(frozen=True)
class Population:
    """All that the impressions are drawn from."""

    users: Users
    sites: Sites
    creatives: Creatives
    ads: Ads


def zipf_weights(count: int, exponent: float, offset: float = 0.0) -> Floats:
    """Weights proportional to (rank + offset)^-exponent, adding up to 1; float64 [count]."""
    weights: Floats = (np.arange(1, count + 1, dtype=np.float64) + offset) ** -exponent
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def newcomers_per_month(users: int) -> int:
    """Number of a month's `users` who arrive in that month."""
    return round(NEW_USER_SHARE * users)


def active_users(size: Size, month: int) -> tuple[int, int, int]:
    """First active user, first newcomer and end of the users active in `month` (1 = first).

    The active users are a window that moves on by the newcomers of each month: as many of the oldest leave.
    """
    first = (month - 1) * newcomers_per_month(size.users)
    end = first + size.users
    return first, end - newcomers_per_month(size.users), end


def draw_users(size: Size) -> Users:
    """Users of all months."""
    rng = generator(size.seed, Stream.USERS)
    count = active_users(size, size.months)[2]
    age = np.clip(np.round(18 + 62 * rng.beta(1.6, 2.6, count)), 18, 90)
    segment = rng.choice(len(SEGMENTS), count, p=zipf_weights(len(SEGMENTS), 0.4))
    return Users(
        age=np.where(rng.random(count) < MISSING_AGE_SHARE, np.nan, age),
        segment=np.where(rng.random(count) < MISSING_SEGMENT_SHARE, -1, segment),
        country=rng.choice(len(COUNTRIES), count, p=zipf_weights(len(COUNTRIES), 1.0)),
        propensity=rng.normal(0, USER_SPREAD, count),
        newcomer_propensity=rng.normal(0, NEWCOMER_SPREAD, count),
        activity=rng.permutation(zipf_weights(count, 0.7, offset=10)),
    )


def draw_sites(size: Size) -> Sites:
    """Sites; those without a measured rate are among the less visited half."""
    rng = generator(size.seed, Stream.SITES)
    category = rng.integers(len(SITE_CATEGORIES), size=SITE_COUNT)
    rank = np.arange(SITE_COUNT)
    effect = np.array(list(SITE_CATEGORIES.values()))[category] + rng.normal(0, SITE_SPREAD, SITE_COUNT)
    traffic = zipf_weights(SITE_COUNT, 0.9, offset=3)
    return Sites(
        category=category,
        effect=effect - traffic @ effect,  # centred, so that a few large sites do not move the base rate
        traffic=traffic,
        is_measured=(rng.random(SITE_COUNT) > 0.10) | (rank < SITE_COUNT // 2),
    )


def draw_attributes(rng: np.random.Generator, styles: Floats) -> Floats:
    """Attributes about the mean `styles` [n, 5]; the last one (call to action) is 0 or 1; [n, 5]."""
    drawn = rng.beta(ATTRIBUTE_CONCENTRATION * styles, ATTRIBUTE_CONCENTRATION * (1 - styles))
    drawn[:, -1] = rng.random(len(styles)) < styles[:, -1]
    return np.asarray(np.round(drawn, 4), dtype=np.float64)


def launch_months(creatives: int, months: int) -> Ints:
    """Launch month of each creative: the first month brings two shares, each later one a single share."""
    bounds = np.floor(creatives * np.arange(2, months + 2) / (months + 1)).astype(np.int64)
    return np.searchsorted(bounds, np.arange(creatives), side="right") + 1


def draw_creatives(size: Size) -> Creatives:
    """Creatives: some of a month's launches are there on its first day, the others come until the 28th."""
    campaigns = min(CAMPAIGN_COUNT, size.creatives)
    campaign_rng = generator(size.seed, Stream.CAMPAIGNS)
    campaign_category = campaign_rng.permutation(np.arange(campaigns) % len(ADVERTISER_CATEGORIES))
    styles = 0.5 + generator(size.seed, Stream.STYLES).normal(
        0, CATEGORY_STYLE_SPREAD, (len(ADVERTISER_CATEGORIES), len(ATTRIBUTES))
    )
    styles = np.clip(styles, 0.3, 0.7)
    rng = generator(size.seed, Stream.CREATIVES)
    campaign = rng.integers(campaigns, size=size.creatives)
    category = campaign_category[campaign]
    launch_month = launch_months(size.creatives, size.months)
    starts_month = np.diff(launch_month, prepend=0) > 0
    is_early = starts_month | (rng.random(size.creatives) < EARLY_LAUNCH_SHARE)
    suffixes = np.where(rng.random(size.creatives) < 0.5, "png", "jpg")
    return Creatives(
        names=[f"cr_{index:05d}.{suffix}" for index, suffix in enumerate(suffixes)],
        attributes=draw_attributes(rng, styles[category]),
        size_px=np.array(SIZES_PX)[rng.integers(len(SIZES_PX), size=size.creatives)],
        campaign=campaign,
        category=category,
        launch_month=launch_month,
        launch_day=np.where(is_early, 1, rng.integers(2, 29, size=size.creatives)),
        styles=styles,
    )


def draw_ads(size: Size) -> Ads:
    """Every creative has an ad, every other one (on average) a second."""
    rng = generator(size.seed, Stream.ADS)
    second = np.flatnonzero(rng.random(size.creatives) < 0.5)
    creative = np.sort(np.concatenate([np.arange(size.creatives), second]))
    popularity = rng.permutation(zipf_weights(len(creative), 0.5, offset=20))
    return Ads(creative=creative, popularity=popularity)


def draw_population(size: Size) -> Population:
    """The whole population of a sample."""
    return Population(draw_users(size), draw_sites(size), draw_creatives(size), draw_ads(size))
