"""How likely the scores make the clicks: log loss and normalized entropy."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray, SlicedRows, ratio

EPSILON = 1e-7
"""Scores are kept this far from 0 and 1, as Keras and TFMA do."""


def log_loss(rows: SlicedRows) -> FloatArray:
    """Mean negative log likelihood −Σ w (y ln s + (1 − y) ln(1 − s)) / Σ w in nats, [n_slices]."""
    return ratio(rows.total(rows.weight * row_loss(rows)), rows.weights)


def log_loss_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's log loss, [rows]."""
    return ratio(rows.weight * (row_loss(rows) - value[rows.slice_id]), rows.weights[rows.slice_id])


def normalized_entropy(rows: SlicedRows) -> FloatArray:
    """Log loss over the entropy of the slice's own click rate, [n_slices] (He et al. 2014, ADKDD, section 3).

    1 is as good as always answering the average; lower is better. NaN with one class only.
    """
    return ratio(log_loss(rows), _entropy(rows))


def normalized_entropy_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's normalized entropy, [rows]: (dL − NE · ln((1 − r)/r) dr) / H(r)."""
    ids, rate = rows.slice_id, ratio(rows.positives, rows.weights)
    odds = ratio(rows.negatives, rows.positives)
    slope = np.log(np.where(odds > 0, odds, np.nan))
    rate_influence = ratio(rows.weight * (rows.label - rate[ids]), rows.weights[ids])
    loss_influence = log_loss_influence(rows, log_loss(rows))
    return ratio(loss_influence - value[ids] * slope[ids] * rate_influence, _entropy(rows)[ids])


def row_loss(rows: SlicedRows) -> FloatArray:
    """Negative log likelihood of each row, [rows]."""
    clipped = np.clip(rows.score, EPSILON, 1.0 - EPSILON)
    likelihood: FloatArray = rows.label * np.log(clipped) + (1.0 - rows.label) * np.log1p(-clipped)
    return -likelihood


def _entropy(rows: SlicedRows) -> FloatArray:
    """Of the slices' click rates in nats, [n_slices]; 0 with one class only."""
    rate = ratio(rows.positives, rows.weights)
    inside = np.where((rate > 0) & (rate < 1), rate, 0.5)
    entropy = -(inside * np.log(inside) + (1 - inside) * np.log1p(-inside))
    return np.where((rate > 0) & (rate < 1), entropy, 0.0)
