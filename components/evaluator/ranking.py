"""How well scores order clicks before non-clicks: area under the ROC curve and under the precision-recall curve."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray, SlicedRows, ratio, sums


def auc(rows: SlicedRows) -> FloatArray:
    """P(score of a click > score of a non-click) + ½ P(equal), [n_slices] (Hanley and McNeil 1982, Radiology 143).

    Weighted: Σᵢⱼ pᵢ nⱼ (1[sᵢ > sⱼ] + ½ 1[sᵢ = sⱼ]) / (P N), with p = weight · label and n = weight · (1 − label).
    NaN with one class only.
    """
    positive, negative = rows.ties.total(rows.positive), rows.ties.total(rows.negative)
    below = rows.below(negative, rows.negatives)
    wins = sums(rows.ties.slice_id, positive * (below + 0.5 * negative), rows.n_slices)
    return ratio(wins, rows.positives * rows.negatives)


def auc_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's AUC, [rows]: the sum of squares over a slice is the variance.

    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44, by placement values: with equal weights the variance is
    theirs exactly, S₁₀/m + S₀₁/n; with weights m and n are Kish's effective numbers. NaN below two of either class.
    """
    ties, ids = rows.ties, rows.slice_id
    positive, negative = ties.total(rows.positive), ties.total(rows.negative)
    beaten = (rows.below(negative, rows.negatives) + 0.5 * negative)[ties.group]
    lower_clicks = (rows.below(positive, rows.positives) + 0.5 * positive)[ties.group]
    mine = value[ids]
    clicks = ratio(rows.positive, rows.positives[ids]) * (ratio(beaten, rows.negatives[ids]) - mine)
    others = ratio(rows.negative, rows.negatives[ids]) * (1.0 - ratio(lower_clicks, rows.positives[ids]) - mine)
    non_clicks = ratio(rows.negatives**2, rows.total(rows.negative**2))
    return np.add(clicks * _unbiased(rows.effective_clicks)[ids], others * _unbiased(non_clicks)[ids])


def average_precision(rows: SlicedRows) -> FloatArray:
    """Area under the precision-recall curve as Σ (Rₖ − Rₖ₋₁) Pₖ over falling thresholds, [n_slices].

    No interpolation between points, which would be too kind (Davis and Goadrich 2006, ICML); scikit-learn's
    average_precision_score is the same. NaN without clicks.
    """
    positive, _, _, precision = _precision(rows)
    return ratio(sums(rows.ties.slice_id, positive * precision, rows.n_slices), rows.positives)


def average_precision_influence(rows: SlicedRows, value: FloatArray) -> FloatArray:
    """What each row adds to a slice's average precision, [rows]: its derivative by the row's weight, times the weight.

    With T and F the clicks and non-clicks at or above a score: ∂/∂p = (T/(T+F) + Σ p F/(T+F)² − AP) / P and
    ∂/∂n = −(Σ p T/(T+F)²) / P, the sums over scores not above the row's.
    """
    ties, ids = rows.ties, rows.slice_id
    positive, above, above_all, precision = _precision(rows)
    square = np.where(above_all > 0, above_all, 1.0) ** 2
    gain = positive * (above_all - above) / square
    loss = positive * above / square
    gains = rows.below(gain, sums(ties.slice_id, gain, rows.n_slices)) + gain
    losses = rows.below(loss, sums(ties.slice_id, loss, rows.n_slices)) + loss
    click = (precision + gains)[ties.group] - value[ids]
    return ratio(rows.positive * click - rows.negative * losses[ties.group], rows.positives[ids])


def _precision(rows: SlicedRows) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Clicks; clicks and all weight at or above the score; precision there: all [groups]."""
    ties = rows.ties
    positive, weight = ties.total(rows.positive), ties.total(rows.weight)
    above = rows.positives[ties.slice_id] - rows.below(positive, rows.positives)
    above_all = rows.weights[ties.slice_id] - rows.below(weight, rows.weights)
    precision = np.where(above_all > 0, above / np.where(above_all > 0, above_all, 1.0), 0.0)
    return positive, above, above_all, precision


def _unbiased(effective: FloatArray) -> FloatArray:
    """√(m / (m − 1)): turns Σ(V − A)²/m² into DeLong's Σ(V − A)²/(m (m − 1))."""
    return np.sqrt(ratio(effective, np.where(effective > 1.0 + 1e-9, effective - 1.0, 0.0)))
