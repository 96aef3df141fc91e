"""Metrics of each slice of the evaluation rows, for candidate and baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import click_metrics

FloatArray = npt.NDArray[np.float64]
MOST_SLICES = 30
"""Of one slicing; more could not be read."""


def slice_figures(
    columns: Sequence[str], values: Sequence[npt.NDArray[np.str_]], scores: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """`columns`: what the rows are sliced by; `values`: each column's values, [rows] each.

    The slices with most rows; `left_out` counts the others.
    """
    joined = np.array([" · ".join(cells) for cells in zip(*values, strict=True)], dtype=str)
    names, inverse, counts = np.unique(joined, return_inverse=True, return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:MOST_SLICES]
    slices = []
    for index in largest:
        rows = inverse == index
        label, weight = scores["label"][rows], scores["weight"][rows] if "weight" in scores else None
        if weight is not None and not weight.sum():
            continue
        metrics = {
            model: dataclasses.asdict(click_metrics(label, scores[model][rows], weight))
            for model in ("candidate", "baseline")
            if model in scores
        }
        slices.append({
            "value": str(names[index]), "rows": int(counts[index]),
            "clicks": round(float((label if weight is None else weight * label).sum())),
            "metrics": metrics["candidate"], "baseline": metrics.get("baseline"),
        })  # fmt: skip
    return {"columns": list(columns), "slices": slices, "left_out": len(names) - len(slices)}
