"""Whether scores are probabilities: means, calibration ratio and expected calibration error."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray, IntArray, SlicedRows, ratio, sums

ECE_BINS = 10


def mean_label(rows: SlicedRows) -> FloatArray:
    """Σ w y / Σ w: the click rate, [n_slices]."""
    return ratio(rows.positives, rows.weights)


def mean_label_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's click rate, [rows]."""
    return ratio(rows.weight * (rows.label - value[rows.slice_id]), rows.weights[rows.slice_id])


def mean_prediction(rows: SlicedRows) -> FloatArray:
    """Σ w s / Σ w, [n_slices]."""
    return ratio(rows.total(rows.weight * rows.score), rows.weights)


def mean_prediction_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's mean score, [rows]."""
    return ratio(rows.weight * (rows.score - value[rows.slice_id]), rows.weights[rows.slice_id])


def calibration_ratio(rows: SlicedRows) -> FloatArray:
    """Σ w s / Σ w y: predicted over observed clicks, [n_slices] (He et al. 2014, ADKDD, section 3; 1 is best).

    NaN without clicks.
    """
    return ratio(rows.total(rows.weight * rows.score), rows.positives)


def calibration_ratio_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's calibration ratio, [rows]: w (s − C y) / Σ w y."""
    ids = rows.slice_id
    return ratio(rows.weight * (rows.score - value[ids] * rows.label), rows.positives[ids])


def expected_calibration_error(rows: SlicedRows) -> FloatArray:
    """Σ over bins of |Σ w (y − s)| / Σ w, [n_slices] (Naeini et al. 2015, AAAI, with bins of equal weight).

    Equal scores share a bin: the one of the middle of their weight; so the order of the rows is of no account.
    """
    gaps = np.abs(_gaps(rows, ece_bins(rows))).reshape(rows.n_slices, ECE_BINS).sum(axis=1)
    return ratio(gaps, rows.weights)


def expected_calibration_error_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's expected calibration error with the bins held fast, [rows].

    Where a bin is calibrated but for noise the true spread is smaller (that of a folded normal): intervals are wide
    rather than narrow.
    """
    ids, bins = rows.slice_id, ece_bins(rows)
    sign = np.sign(_gaps(rows, bins))[bins]
    return ratio(rows.weight * (sign * (rows.label - rows.score) - value[ids]), rows.weights[ids])


def ece_bins(rows: SlicedRows) -> IntArray:
    """slice · ECE_BINS + bin of each row, [rows]: bins of equal weight by score."""
    ties = rows.ties
    weight = ties.total(rows.weight)
    middle = ratio(rows.below(weight, rows.weights) + 0.5 * weight, rows.weights[ties.slice_id])
    within = np.clip(np.nan_to_num(middle) * ECE_BINS, 0, ECE_BINS - 1).astype(np.int64)
    return (ties.slice_id * ECE_BINS + within)[ties.group]


def _gaps(rows: SlicedRows, bins: IntArray) -> FloatArray:
    """Σ w (y − s) of each bin, [n_slices · ECE_BINS]."""
    return sums(bins, rows.weight * (rows.label - rows.score), rows.n_slices * ECE_BINS)
