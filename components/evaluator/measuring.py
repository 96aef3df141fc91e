"""Every metric of every slice of one or two models, with intervals, from arrays alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from components.evaluator.intervals import (
    Differences,
    Intervals,
    influence_differences,
    metric_intervals,
    optional,
)
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import FloatArray, IntArray, SlicedRows
from components.evaluator.slices import SliceKey, Slicing


@dataclasses.dataclass(frozen=True)
class Measured:
    """Of one slicing: metrics by model and name, and the differences candidate − baseline by name."""

    slicing: Slicing
    rows: dict[str, SlicedRows]
    """Sorted rows by model: `candidate` and, where there is one, `baseline`."""
    metrics: dict[str, dict[str, Intervals]]
    differences: dict[str, Differences]


def measure(
    scores: dict[str, npt.NDArray[np.float64]], slicings: Iterable[Slicing], names: Iterable[str] = tuple(METRICS)
) -> list[Measured]:
    """`scores`: label, candidate and, where they are known, weight and baseline; all [rows]."""
    models = [model for model in ("candidate", "baseline") if model in scores]
    by_score: dict[str, IntArray] = {model: np.argsort(scores[model], kind="stable") for model in models}
    found = []
    for slicing in slicings:
        rows = {
            model: SlicedRows.sort(
                scores["label"],
                scores[model],
                scores.get("weight"),
                slicing.ids,
                len(slicing.keys),
                by_score[model],
            )
            for model in models
        }
        metrics = {model: {name: metric_intervals(METRICS[name], rows[model]) for name in names} for model in models}
        differences: dict[str, Differences] = {}
        if "baseline" in rows:
            differences = {
                name: influence_differences(METRICS[name], rows["candidate"], rows["baseline"], len(scores["label"]))
                for name in names
            }
        found.append(Measured(slicing, rows, metrics, differences))
    return found


def as_json(measured: Iterable[Measured]) -> list[dict[str, object]]:
    """One entry a slice, for the report: plain numbers, None for what the rows cannot tell."""
    entries: list[dict[str, object]] = []
    for one in measured:
        rows = one.rows["candidate"]
        weights, clicks, counts = rows.weights, rows.positives, rows.count
        for index, key in enumerate(one.slicing.keys):
            entry: dict[str, object] = {
                "slice": _named(key),
                "count": int(counts[index]),
                "weight": float(weights[index]),
                "clicks": float(clicks[index]),
            }
            for model, metrics in one.metrics.items():
                entry[model] = {
                    name: _triple("value", found.value, found.low, found.high, index) for name, found in metrics.items()
                }
            if one.differences:
                entry["difference"] = {
                    name: _triple("value", found.difference, found.low, found.high, index)
                    for name, found in one.differences.items()
                }
            entries.append(entry)
    return entries


def _named(key: SliceKey) -> dict[str, object]:
    return dict(key)


def _triple(name: str, value: FloatArray, low: FloatArray, high: FloatArray, index: int) -> dict[str, float | None]:
    return {name: optional(value[index]), "low": optional(low[index]), "high": optional(high[index])}
