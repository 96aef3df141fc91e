"""Every metric of every slice of one or two models, with intervals, from arrays alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from components.evaluator.intervals import (
    Differences,
    Intervals,
    contributed_differences,
    contributed_intervals,
    contribution,
    optional,
)
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import FloatArray, IntArray, SlicedRows
from components.evaluator.slices import Slicing


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
    models: list[str] = [model for model in ("candidate", "baseline") if model in scores]
    by_score: dict[str, IntArray] = {model: np.argsort(scores[model], kind="stable") for model in models}
    names = tuple(names)
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
        given = {model: {name: contribution(METRICS[name], one) for name in names} for model, one in rows.items()}
        metrics = {
            model: {name: contributed_intervals(METRICS[name], rows[model], got) for name, got in by_name.items()}
            for model, by_name in given.items()
        }
        differences: dict[str, Differences] = {}
        if "baseline" in rows:
            candidate, baseline = rows["candidate"], rows["baseline"]
            differences = {
                name: contributed_differences(
                    candidate, given["candidate"][name], baseline, given["baseline"][name], len(scores["label"])
                )
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
                "slice": dict(key),
                "count": int(counts[index]),
                "weight": float(weights[index]),
                "clicks": float(clicks[index]),
            }
            for model, metrics in one.metrics.items():
                entry[model] = {
                    name: _triple(found.value, found.low, found.high, index) for name, found in metrics.items()
                }
            if one.differences:
                entry["difference"] = {
                    name: _triple(found.difference, found.low, found.high, index)
                    for name, found in one.differences.items()
                }
            entries.append(entry)
    return entries


def _triple(value: FloatArray, low: FloatArray, high: FloatArray, index: int) -> dict[str, float | None]:
    return {"value": optional(value[index]), "low": optional(low[index]), "high": optional(high[index])}
