"""Simulated impressions with known click probabilities, and models of them, alike and degraded by known amounts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import Slicing, slicings

FEATURES = 30
CLICK_RATE = 0.085
SPECS = (("device",), ("position",))
DEVICES = {"desktop": 0.3, "mobile": 0.579, "tablet": 0.12, "tv": 0.001}
POSITIONS = {"footer": 0.1, "in_feed": 0.5, "sidebar": 0.25, "top": 0.15}
"""Value to its share of the rows."""


class Impressions(NamedTuple):
    """Rows of an evaluation split."""

    features: FloatArray
    """[rows, FEATURES], standard normal."""
    label: FloatArray
    slicings: list[Slicing]
    """All rows together, by device, by position."""
    truth: FloatArray
    """Coefficients of the click's logit, [FEATURES]."""
    intercept: float


def impressions(rows: int, seed: int) -> Impressions:
    """Bayes AUC about 0.75 at a click rate of 8.5 %, near the project's sample."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=FEATURES) * np.linspace(1.0, 0.2, FEATURES)
    truth *= 0.9 / np.sqrt((truth**2).sum())
    truth[0] = 0.45
    intercept = -2.7
    features = random.normal(size=(rows, FEATURES))
    label = (random.random(rows) < sigmoid(features @ truth + intercept)).astype(np.float64)
    columns = {
        name: (random.choice(len(shares), rows, p=list(shares.values())), list(shares))
        for name, shares in (("device", DEVICES), ("position", POSITIONS))
    }
    return Impressions(features, label, slicings(columns, SPECS, rows), truth, intercept)


def sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def trained(data: Impressions, seed: int, clicks: int = 3_400, dropped: int | None = None) -> FloatArray:
    """Scores of a model fitted on that many clicks: coefficients off by their standard error, about 1 / √clicks each.

    That is the whole error of estimation, of which a change of the seed alone brings a part. `dropped`: a feature that
    the model does not get.
    """
    random = np.random.default_rng(seed)
    error = 1.0 / np.sqrt(clicks)
    learnt = data.truth + random.normal(scale=error, size=FEATURES)
    if dropped is not None:
        learnt[dropped] = 0.0
    return sigmoid(data.features @ learnt + data.intercept + random.normal(scale=error))


def with_shuffled_labels(data: Impressions, seed: int, share: float) -> FloatArray:
    """What is learnt where that share of the training labels went to other rows: the rate, mixed with p."""
    score = trained(data, seed)
    return share * CLICK_RATE + (1 - share) * score


def with_flipped_labels(data: Impressions, seed: int, share: float) -> FloatArray:
    """What is learnt where that share of the training labels is the opposite."""
    return share + (1 - 2 * share) * trained(data, seed)


def with_a_shuffled_slice(data: Impressions, seed: int, column: str, value: str) -> FloatArray:
    """The scores of one slice dealt out anew among its rows."""
    random = np.random.default_rng(seed + 1_000_000)
    score = trained(data, seed)
    (slicing,) = (one for one in data.slicings if one.columns == (column,))
    rows = np.flatnonzero(slicing.ids == slicing.keys.index(((column, value),)))
    score[rows] = score[random.permutation(rows)]
    return score
