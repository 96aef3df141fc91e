"""Metrics by slice, with each row's influence on them, from which intervals follow without resampling.

The influence of a row is the derivative of the metric by the row's weight, times the weight; the squares' sum over a
slice is the metric's variance (the infinitesimal jackknife: Efron 1982, "The Jackknife, the Bootstrap and Other
Resampling Plans", chapter 6). For the AUC that is DeLong et al. 1988 (Biometrics 44, 837–845), by the sort of Sun and
Xu 2014 (IEEE SPL 21, 1389–1393). Every slice must have clicks and other rows; rows count as independent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.evaluator.metrics import EPSILON, FloatArray
from components.quality_gate.slices import IntArray


class Rows(NamedTuple):
    """Rows of the slices that are compared; all [rows]."""

    label: FloatArray
    """In [0, 1]; of aggregated rows, the share of clicks."""
    weight: FloatArray
    slice_ids: IntArray
    """0 … slices − 1."""
    slices: int

    def total(self, values: FloatArray) -> FloatArray:
        """Sum by slice, [slices]."""
        return np.bincount(self.slice_ids, values, self.slices)

    def variance(self, influence: FloatArray) -> FloatArray:
        """Of a metric, by its rows' influence, [slices]; with n / (n − 1) for the mean that was estimated."""
        count = self.total(np.ones_like(influence))
        return self.total(influence**2) * count / np.maximum(count - 1, 1)


class Measured(NamedTuple):
    """A metric of one model."""

    value: FloatArray
    """[slices]"""
    influence: FloatArray
    """[rows]"""


def auc(rows: Rows, score: FloatArray) -> Measured:
    """P(score of a click > score of a non-click) + ½ P(equal), by slice."""
    order = np.lexsort((score, rows.slice_ids))
    ids, ranked = rows.slice_ids[order], score[order]
    clicks, others = (rows.weight * rows.label)[order], (rows.weight * (1 - rows.label))[order]
    first = np.concatenate(([True], (ranked[1:] != ranked[:-1]) | (ids[1:] != ids[:-1])))
    starts, tie_of_row = np.flatnonzero(first), np.cumsum(first) - 1
    tie_clicks, tie_others = np.add.reduceat(clicks, starts), np.add.reduceat(others, starts)
    tie_slice = ids[starts]
    all_clicks, all_others = rows.total(rows.weight * rows.label), rows.total(rows.weight * (1 - rows.label))
    others_below = _below(tie_others, all_others, tie_slice)
    clicks_above = all_clicks[tie_slice] - _below(tie_clicks, all_clicks, tie_slice) - tie_clicks
    won = (others_below + 0.5 * tie_others) / all_others[tie_slice]
    lost_to = (clicks_above + 0.5 * tie_clicks) / all_clicks[tie_slice]
    value = np.bincount(tie_slice, tie_clicks * won, rows.slices) / all_clicks
    influence = np.empty_like(score)
    influence[order] = (
        clicks * (won[tie_of_row] - value[ids]) / all_clicks[ids]
        + others * (lost_to[tie_of_row] - value[ids]) / all_others[ids]
    )
    return Measured(value, influence)


def _below(tie_weight: FloatArray, total: FloatArray, tie_slice: IntArray) -> FloatArray:
    """Weight of the same slice's ties with smaller scores, [ties]."""
    earlier_slices = np.cumsum(total) - total
    return np.cumsum(tie_weight) - tie_weight - earlier_slices[tie_slice]


def normalized_entropy(rows: Rows, score: FloatArray) -> Measured:
    """Log loss as a multiple of the click rate's entropy (He et al. 2014, ADKDD), by slice."""
    clipped = np.clip(score, EPSILON, 1 - EPSILON)
    row_loss = -(rows.label * np.log(clipped) + (1 - rows.label) * np.log1p(-clipped))
    total = rows.total(rows.weight)
    loss, rate = rows.total(rows.weight * row_loss) / total, rows.total(rows.weight * rows.label) / total
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
    slope = np.log1p(-rate) - np.log(rate)  # of the entropy by the rate
    of = rows.slice_ids
    share = rows.weight / total[of]
    by_loss = share * (row_loss - loss[of]) / entropy[of]
    by_rate = share * (rows.label - rate[of]) * (slope * loss / entropy**2)[of]
    return Measured(loss / entropy, by_loss - by_rate)


def log_calibration_ratio(rows: Rows, score: FloatArray) -> Measured:
    """ln(predicted clicks / observed clicks), by slice."""
    predicted, observed = rows.weight * score, rows.weight * rows.label
    all_predicted, all_observed = rows.total(predicted), rows.total(observed)
    all_predicted = np.maximum(all_predicted, EPSILON * rows.total(rows.weight))
    of = rows.slice_ids
    return Measured(np.log(all_predicted / all_observed), predicted / all_predicted[of] - observed / all_observed[of])
