"""Which metrics a summary has, in the order and under the names that people read them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """How one metric is told."""

    label: str
    better: str
    """higher, lower, or the value that is best."""
    style: str = "fixed4"
    told: str = ""

    @property
    def change_style(self) -> str:
        """Of a difference: percentage points between shares."""
        return "points" if self.style == "percent" else "signed"


KNOWN: Mapping[str, Metric] = {
    "auc": Metric("AUC", "higher", told="chance that a click scores above a non-click"),
    "pr_auc": Metric("PR-AUC", "higher", told="area under precision by recall"),
    "log_loss": Metric("Log loss", "lower", told="mean surprise at the label, in nats"),
    "normalized_entropy": Metric("Normalized entropy", "lower", told="log loss over that of the click rate alone"),
    "calibration_ratio": Metric("Calibration ratio", "one", told="predicted clicks over observed clicks"),
    "ece": Metric("Calibration error", "lower", told="expected (ECE): mean gap of predicted and observed rate, by bin"),
    "lift_at_1pct": Metric("Lift, top 1 %", "higher", "fixed2", "click rate of the best scores over the overall rate"),
    "lift_at_3pct": Metric("Lift, top 3 %", "higher", "fixed2", "likewise"),
    "lift_at_10pct": Metric(
        "Lift, top 10 %", "higher", "fixed2", "click rate of the best scores over the overall rate"
    ),
    "capture_at_1pct": Metric("Capture, top 1 %", "higher", "percent", "share of the clicks among the best scores"),
    "capture_at_3pct": Metric("Capture, top 3 %", "higher", "percent", "likewise"),
    "capture_at_10pct": Metric("Capture, top 10 %", "higher", "percent", "likewise"),
    "mean_label": Metric("Click rate", "", "percent", "observed"),
    "mean_prediction": Metric("Mean prediction", "", "percent", "as the model foretells it"),
    "weight": Metric("Weight of the rows", "", "general", "their number, where the data has no weights"),
    "count": Metric("Rows", "", "count", "of the evaluation split"),
}


class MetricRow(NamedTuple):
    """One line of the table."""

    key: str
    metric: Metric
    interval: tuple[tuple[str, ...], tuple[str, ...]] | None
    """Paths of low and high in the summary."""
    difference: tuple[str, ...] | None
    """Path of {value, low, high} of candidate less baseline."""
    trend: str
    """better, worse, same (or not told from it by the interval), or "" where nothing can be said."""


def shown(*metrics: Mapping[str, Any]) -> list[tuple[str, Metric]]:
    """Names of the numbers in any of the mappings, known ones first; ends of intervals belong to their metric."""
    found = dict.fromkeys(key for one in metrics for key in one if not key.endswith(("_low", "_high")))
    names = [*(key for key in KNOWN if key in found), *(key for key in found if key not in KNOWN)]
    return [
        (key, KNOWN.get(key, Metric(key, "")))
        for key in names
        if all(isinstance(one.get(key), (int, float, type(None))) for one in metrics)
    ]


def metric_rows(summary: Mapping[str, Any]) -> list[MetricRow]:
    """One for each number among the metrics; one that is not known here goes by its key."""
    metrics = summary.get("metrics") or {}
    rows = []
    for key, metric in shown(metrics):
        interval = None
        if f"{key}_low" in metrics and f"{key}_high" in metrics:
            interval = (("metrics", f"{key}_low"), ("metrics", f"{key}_high"))
        rows.append(MetricRow(key, metric, interval, _difference(summary, key), _trend(summary, key)))
    return rows


def _difference(summary: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    if key in (summary.get("difference") or {}):
        return "difference", key
    return None


def _may_be_noise(summary: Mapping[str, Any], key: str) -> bool:
    """Whether the difference's interval holds zero."""
    found = (summary.get("difference") or {}).get(key) or {}
    low, high = found.get("low"), found.get("high")
    return low is not None and high is not None and low <= 0 <= high


def _trend(summary: Mapping[str, Any], key: str) -> str:
    baseline = (summary.get("baseline") or {}).get("metrics", {})
    new, old = summary["metrics"].get(key), baseline.get(key)
    better = KNOWN[key].better if key in KNOWN else ""
    if new is None or old is None or not better:
        return ""
    if new == old or _may_be_noise(summary, key):
        return "same"
    if better == "one":
        return "better" if abs(new - 1) < abs(old - 1) else "worse"
    return "better" if (new > old) == (better == "higher") else "worse"
