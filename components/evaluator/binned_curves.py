"""TFMA's own AUC and AUCPrecisionRecall: curves through 10,000 thresholds, number for number.

TFMA counts scores in 10,000 equal buckets of [0, 1] and reads the curves off at 10,000 thresholds
(tensorflow_model_analysis/metrics/{calibration_histogram,binary_confusion_matrices,confusion_matrix_metrics}.py), so
scores of rare clicks crowd into few of them. `ranking` has the exact areas.
"""

from __future__ import annotations

import numpy as np

from components.evaluator.ranking import auc
from components.evaluator.sliced_rows import FloatArray, SlicedRows, ratio, sums

BUCKETS = 10_000
TFMA_EPSILON = 1e-7


def binned(rows: SlicedRows) -> SlicedRows:
    """The same rows with the index of TFMA's last threshold at or below each score as the score."""
    # a score above 1 or below 0 lies in a bucket of its own, at the edge
    bucket = np.clip(np.floor(rows.score * BUCKETS + 1.0), 0, BUCKETS + 1)
    edge = np.where(bucket == 0, -np.inf, np.where(bucket == BUCKETS + 1, np.inf, (bucket - 1) / BUCKETS))
    inner = np.arange(1, BUCKETS - 1) / (BUCKETS - 1)
    thresholds = np.concatenate(([-TFMA_EPSILON], inner, [1.0 + TFMA_EPSILON])) + TFMA_EPSILON
    passed = np.maximum(np.searchsorted(thresholds, edge, side="right") - 1, 0)
    return rows.rescored(passed.astype(np.float64))


def binned_auc(rows: SlicedRows) -> FloatArray:
    """TFMA's AUC of the ROC curve, [n_slices]: trapezoids between thresholds, that is ½ for a pair in one bin.

    0 with one class only, as TFMA has it: `auc_exact` says NaN there.
    """
    return np.nan_to_num(auc(binned(rows)))


def binned_pr_auc(rows: SlicedRows) -> FloatArray:
    """TFMA's AUCPrecisionRecall, [n_slices]: true positives interpolated between thresholds (Davis and Goadrich 2006).

    Per bin with d clicks of D rows, T clicks and A rows above it: slope s = d / D, intercept c = T − s A; area
    s (d + c ln((A + D) / A)) / P, the logarithm 0 where nothing lies above. 0 without clicks, as TFMA has it.
    """
    rows = binned(rows)
    ties = rows.ties
    positive, weight = ties.total(rows.positive), ties.total(rows.weight)
    above = rows.positives[ties.slice_id] - rows.below(positive, rows.positives) - positive
    above_all = rows.weights[ties.slice_id] - rows.below(weight, rows.weights) - weight
    tiny = 1e-9 * np.maximum(rows.weights[ties.slice_id], 1.0)  # what cumulative sums leave of an exact 0
    nothing = above_all <= tiny
    slope = np.nan_to_num(ratio(positive, weight))
    grown = np.where(nothing, 1.0, (above_all + weight) / np.where(nothing, 1.0, above_all))
    area = slope * (positive + np.where(nothing, 0.0, above - slope * above_all) * np.log(grown))
    return np.nan_to_num(ratio(sums(ties.slice_id, area, rows.n_slices), rows.positives))
