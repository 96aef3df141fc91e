"""All metrics by the name that they have in summary.json."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from components.evaluator import calibration, likelihood, ranking, top_share
from components.evaluator.sliced_rows import FloatArray, SlicedRows

SHARES = (0.01, 0.03, 0.1)
"""Of the highest scores, for lift and capture."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """`value`: [n_slices]. `influence`: what each row adds to it, [rows]; its squares sum to the variance."""

    value: Callable[[SlicedRows], FloatArray]
    influence: Callable[[SlicedRows, FloatArray], FloatArray]
    lower: float | None = None
    """Least possible value, None for none; intervals end there."""
    upper: float | None = None


def share_name(metric: str, share: float) -> str:
    """`lift_at_10pct` and so on."""
    return f"{metric}_at_{round(share * 100)}pct"


def _by_share() -> dict[str, Metric]:
    metrics = {}
    for share in SHARES:
        bound = functools.partial
        metrics[share_name("lift", share)] = Metric(
            bound(top_share.lift, share=share), bound(top_share.lift_influence, share=share), 0.0, 1.0 / share
        )
        metrics[share_name("capture", share)] = Metric(
            bound(top_share.capture, share=share), bound(top_share.capture_influence, share=share), 0.0, 1.0
        )
    return metrics


METRICS: dict[str, Metric] = {
    "auc": Metric(ranking.auc, ranking.auc_influence, 0.0, 1.0),
    "pr_auc": Metric(ranking.average_precision, ranking.average_precision_influence, 0.0, 1.0),
    "log_loss": Metric(likelihood.log_loss, likelihood.log_loss_influence, 0.0),
    "normalized_entropy": Metric(likelihood.normalized_entropy, likelihood.normalized_entropy_influence, 0.0),
    "calibration_ratio": Metric(calibration.calibration_ratio, calibration.calibration_ratio_influence, 0.0),
    "ece": Metric(calibration.expected_calibration_error, calibration.expected_calibration_error_influence, 0.0, 1.0),
    **_by_share(),
    "mean_label": Metric(calibration.mean_label, calibration.mean_label_influence, 0.0, 1.0),
    "mean_prediction": Metric(calibration.mean_prediction, calibration.mean_prediction_influence, 0.0, 1.0),
}
