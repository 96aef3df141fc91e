"""Metrics of click predictions over all rows: exact, weighted, ready for JSON."""

from __future__ import annotations

import dataclasses

from components.evaluator import calibration, likelihood, ranking, top_share
from components.evaluator.intervals import metric_intervals, optional
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import FloatArray, SlicedRows


@dataclasses.dataclass(frozen=True)
class ClickMetrics:
    """How well scores foretell clicks. A figure that the rows cannot give (no click at all, say) is None."""

    auc: float | None
    log_loss: float | None
    normalized_entropy: float | None
    calibration_ratio: float | None
    ece: float | None
    lift_at_10pct: float | None
    mean_label: float | None
    mean_prediction: float | None
    count: int
    weight: float
    auc_low: float | None
    auc_high: float | None
    pr_auc: float | None
    lift_at_1pct: float | None
    lift_at_3pct: float | None
    capture_at_1pct: float | None
    capture_at_3pct: float | None
    capture_at_10pct: float | None


def click_metrics(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> ClickMetrics:
    """label in [0, 1], score in (0, 1), weight ≥ 0; all [rows]. `auc_low` to `auc_high`: 95 % interval."""
    rows = SlicedRows.sort(label, score, weight)
    interval = metric_intervals(METRICS["auc"], rows)
    return ClickMetrics(
        **{name: optional(metric.value(rows)[0]) for name, metric in METRICS.items()},
        count=len(label),
        weight=float(rows.weights[0]),
        auc_low=optional(interval.low[0]),
        auc_high=optional(interval.high[0]),
    )


def auc(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> float | None:
    """See ranking.auc. None with one class only."""
    return optional(ranking.auc(SlicedRows.sort(label, score, weight))[0])


def log_loss(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> float | None:
    """See likelihood.log_loss. None without weight."""
    return optional(likelihood.log_loss(SlicedRows.sort(label, score, weight))[0])


def expected_calibration_error(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> float | None:
    """See calibration.expected_calibration_error. None without weight."""
    return optional(calibration.expected_calibration_error(SlicedRows.sort(label, score, weight))[0])


def lift(label: FloatArray, score: FloatArray, weight: FloatArray | None, share: float) -> float | None:
    """See top_share.lift. None without clicks."""
    return optional(top_share.lift(SlicedRows.sort(label, score, weight), share)[0])
