"""Which charts a summary's evidence gives: `curves` and `training` in, SVG out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.run_report.html.charts import Axis, Series, histogram_chart, line_chart, padded

Curves = Mapping[str, Any]
Models = Sequence[tuple[str, str, Curves]]
"""(name, class of the colour, curves) of each model, in the order in which they are drawn over one another."""


def reliability_chart(models: Models) -> Markup:
    """Observed click rate by mean prediction, with 95 % intervals of the candidate."""
    bins = [one for _, _, curves in models for one in curves["reliability"]]
    highest = max(max(one["mean_prediction"], one["high"]) for one in bins) * 1.04
    series = [
        Series(
            name, css,
            [one["mean_prediction"] for one in curves["reliability"]],
            [one["mean_label"] for one in curves["reliability"]],
            dots=True,
            spans=[(one["low"], one["high"]) for one in curves["reliability"]] if css == "candidate" else (),
        )
        for name, css, curves in models
    ]  # fmt: skip
    return line_chart(
        "Reliability: observed click rate by mean prediction, in ten bins of equal weight",
        Axis("mean prediction", 0.0, highest, percent=True),
        Axis("observed click rate", 0.0, highest, percent=True),
        series,
        diagonal=True,
    )


def roc_chart(models: Models) -> Markup | None:
    """Share of clicks found by share of non-clicks let through."""
    series = [
        Series(name, css, curves["roc"]["false_positive_rate"], curves["roc"]["true_positive_rate"])
        for name, css, curves in models
        if curves["roc"]
    ]
    if not series:
        return None
    axes = Axis("non-clicks above the threshold", 0, 1, percent=True), Axis("clicks above it", 0, 1, percent=True)
    return line_chart("ROC curve", *axes, series, diagonal=True)


def precision_recall_chart(models: Models) -> Markup | None:
    """Click rate above a threshold by share of clicks found."""
    series = [
        Series(name, css, curves["precision_recall"]["recall"], curves["precision_recall"]["precision"])
        for name, css, curves in models
        if curves["precision_recall"]
    ]
    if not series:
        return None
    # The first few rows alone say little and would squash the rest of the curve.
    shown = [p for one in series for r, p in zip(one.x, one.y, strict=True) if r >= 0.02] or [1.0]
    y = Axis("precision", 0.0, min(1.0, max(shown) * 1.08), percent=True)
    return line_chart("Precision by recall", Axis("recall", 0, 1, percent=True), y, series)


def gains_chart(models: Models) -> Markup | None:
    """Share of the clicks among the rows with the highest scores."""
    series = [
        Series(name, css, curves["gains"]["share_of_rows"], curves["gains"]["share_of_clicks"])
        for name, css, curves in models
        if curves["gains"]
    ]
    if not series:
        return None
    axes = Axis("rows with the highest scores", 0, 1, percent=True), Axis("clicks among them", 0, 1, percent=True)
    return line_chart("Clicks captured by the rows with the highest scores", *axes, series, diagonal=True)


def lift_chart(models: Models) -> Markup | None:
    """Click rate among the rows with the highest scores, as a multiple of the overall rate."""
    series = []
    for name, css, curves in models:
        if curves["gains"]:
            rows, lift = curves["gains"]["share_of_rows"], curves["gains"]["lift"]
            kept = [(a, b) for a, b in zip(rows, lift, strict=True) if a >= 0.009]
            series.append(Series(name, css, [a for a, _ in kept], [b for _, b in kept]))
    if not series:
        return None
    y = Axis("lift", 0.0, max(value for one in series for value in one.y) * 1.08)
    return line_chart(
        "Lift among the rows with the highest scores",
        Axis("rows with the highest scores", 0, 1, percent=True),
        y,
        series,
    )


def score_chart(curves: Curves) -> Markup | None:
    """Scores of clicks and of non-clicks."""
    found = curves["histogram"]
    layers = [(css, found[key]) for css, key in (("others", "others"), ("clicks", "clicks")) if found[key]]
    if not layers:
        return None
    x = Axis("predicted click probability", 0.0, found["edges"][-1], percent=True)
    return histogram_chart("Predictions for clicks and for non-clicks", x, found["edges"], layers)


def training_chart(curve: Sequence[Mapping[str, float]]) -> Markup | None:
    """Log loss by epoch."""
    names = [("train_log_loss", "baseline"), ("stopping_log_loss", "candidate")]
    epochs = [one["epoch"] for one in curve]
    series = [
        Series(name, css, epochs, [one[name] for one in curve], dots=True)
        for name, css in names
        if curve and all(one.get(name) is not None for one in curve)
    ]
    if not series:
        return None
    low, high = padded([value for one in series for value in one.y])
    x = Axis("epoch", min(epochs) - 0.3, max(epochs) + 0.3, whole=True)
    aside = [(one["stopping_log_loss"], one["epoch"]) for one in curve if one.get("stopping_log_loss") is not None]
    best = min(aside)[1] if aside else epochs[-1]
    return line_chart("Log loss by epoch", x, Axis("log loss", low, high), series, mark_x=best)


def nearest_first(measured: Sequence[Mapping[str, Any]]) -> list[int]:
    """Indices of comparisons, those that found nothing to compare first, then by value over limit."""

    def nearness(i: int) -> float:
        one = measured[i]
        limit = one["threshold"] + one["sampling"]
        return float("inf") if one["value"] is None else one["value"] / limit if limit else float(one["value"])

    return sorted(range(len(measured)), key=nearness, reverse=True)


def previous_shares(top: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """Of the most frequent values, where the span before is known."""
    shares = [one.get("previous_share") for one in top]
    return None if None in shares else [float(share or 0.0) for share in shares]


def importance_order(importance: Sequence[Mapping[str, Any]]) -> list[int]:
    """Indices by importance, greatest first."""
    return sorted(range(len(importance)), key=lambda i: -importance[i]["auc_drop"])


def above_chance(auc: float) -> str:
    """Length of an AUC's bar, from one half to one."""
    return _share(2 * (auc - 0.5))


def share_of_most(drop: float, importance: Sequence[Mapping[str, Any]]) -> str:
    """Length of a feature's bar."""
    return _share(drop / (max(one["auc_drop"] for one in importance) or 1.0))


def share_of_longest(seconds: float, all_seconds: Mapping[str, float]) -> str:
    """Length of a component's bar."""
    return _share(seconds / (max(all_seconds.values()) or 1.0))


def _share(value: float) -> str:
    return f"{min(max(value, 0.0), 1.0):.3f}"
