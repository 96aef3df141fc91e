"""Metrics of click predictions, exact and weighted, in numpy."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
ECE_BINS = 10
EPSILON = 1e-7


@dataclasses.dataclass(frozen=True)
class ClickMetrics:
    """How well scores foretell clicks. A figure that the rows cannot give (no click at all, say) is None."""

    auc: float | None
    log_loss: float
    normalized_entropy: float | None
    calibration_ratio: float | None
    ece: float
    lift_at_10pct: float | None
    mean_label: float
    mean_prediction: float
    count: int


def click_metrics(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> ClickMetrics:
    """label in {0, 1}, score in (0, 1), weight ≥ 0; all [rows]."""
    weights = np.ones_like(score) if weight is None else weight
    total = float(weights.sum())
    rate = float((weights * label).sum() / total)
    mean = float((weights * score).sum() / total)
    loss = log_loss(label, score, weights)
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate)) if 0.0 < rate < 1.0 else None
    return ClickMetrics(
        auc=auc(label, score, weights),
        log_loss=loss,
        normalized_entropy=None if entropy is None else float(loss / entropy),
        calibration_ratio=mean / rate if rate > 0 else None,
        ece=expected_calibration_error(label, score, weights),
        lift_at_10pct=lift(label, score, weights, 0.1) if rate > 0 else None,
        mean_label=rate,
        mean_prediction=mean,
        count=len(label),
    )


def auc(label: FloatArray, score: FloatArray, weight: FloatArray) -> float | None:
    """P(score of a click > score of a non-click) + ½ P(equal), as in Hanley and McNeil 1982.

    None with one class only.
    """
    order = np.argsort(score, kind="stable")
    ranked, positive, negative = score[order], (weight * label)[order], (weight * (1 - label))[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    positive, negative = np.add.reduceat(positive, starts), np.add.reduceat(negative, starts)
    pairs = float(positive.sum() * negative.sum())
    below = np.cumsum(negative) - negative
    return float((positive * (below + 0.5 * negative)).sum()) / pairs if pairs else None


def log_loss(label: FloatArray, score: FloatArray, weight: FloatArray) -> float:
    """Mean negative log likelihood in nats."""
    clipped = np.clip(score, EPSILON, 1 - EPSILON)
    return float(-(weight * (label * np.log(clipped) + (1 - label) * np.log1p(-clipped))).sum() / weight.sum())


def expected_calibration_error(label: FloatArray, score: FloatArray, weight: FloatArray) -> float:
    """Mean |observed rate − mean score| over ten bins of equal row count (Naeini et al. 2015, AAAI)."""
    total = 0.0
    for rows in np.array_split(np.argsort(score, kind="stable"), ECE_BINS):
        total += abs(float((weight[rows] * (label[rows] - score[rows])).sum()))
    return total / float(weight.sum())


def lift(label: FloatArray, score: FloatArray, weight: FloatArray, share: float) -> float:
    """Click rate among the `share` of rows with the highest scores, as a multiple of the overall rate."""
    top = np.argsort(-score, kind="stable")[: max(1, round(len(score) * share))]
    rate = (weight * label).sum() / weight.sum()
    return float((weight[top] * label[top]).sum() / weight[top].sum() / rate)
