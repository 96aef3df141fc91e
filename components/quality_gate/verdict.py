"""Whether a candidate may replace the model in service, with each bound's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.evaluator.metrics import FloatArray, click_metrics
from components.quality_gate.bounds import Bound
from components.quality_gate.floors import floors
from components.quality_gate.regressions import by_slice, overall
from components.quality_gate.slices import LeftOut, Slicing
from configs.evaluation import Evaluation


class Force(NamedTuple):
    """An operator's word that a refused candidate goes into service all the same."""

    reason: str
    who: str
    at: str
    """ISO 8601, UTC."""


class Verdict(NamedTuple):
    """What the gate measured and decided."""

    bounds: list[Bound]
    left_out: list[LeftOut]
    """Slices too small to decide."""
    compared: bool
    """Whether there was a model in service to compare with."""
    confidence: float
    force: Force | None = None

    @property
    def passed(self) -> bool:
        """Whether every bound leaves the blessing alone."""
        return all(bound.held for bound in self.bounds)

    @property
    def blessed(self) -> bool:
        """Whether the candidate may be pushed."""
        return self.passed or self.force is not None

    def reasons(self) -> list[str]:
        """One line for each bound that blocks."""
        return [bound.reason() for bound in self.bounds if not bound.held]

    def as_json(self) -> dict[str, Any]:
        """quality_gate.json."""
        return {
            "blessed": self.blessed,
            "passed": self.passed,
            "reasons": self.reasons(),
            "compared": self.compared,
            "confidence": self.confidence,
            "bounds": [bound.as_json() for bound in self.bounds],
            "slices_left_out": [one._asdict() for one in self.left_out],
            "force": None if self.force is None else self.force._asdict(),
        }


def judge(
    label: FloatArray,
    candidate: FloatArray,
    baseline: FloatArray | None,
    weight: FloatArray | None,
    slicings: Sequence[Slicing],
    settings: Evaluation,
    force: Force | None = None,
) -> Verdict:
    """Absolute bounds, and where a model is in service the allowed regressions; all arrays [rows].

    `label` and scores in [0, 1], `weight` ≥ 0. Raises ValueError without rows.
    """
    if not len(label):
        raise ValueError("the eval split has no rows; the gate needs some to decide on")
    weights = np.ones_like(candidate) if weight is None else weight
    counted = weights > 0
    if not counted.any():
        raise ValueError("every row of the eval split weighs 0; the gate needs rows that count")
    metrics = click_metrics(label, candidate, weights)
    confidence = settings.confidence
    bounds = list(floors(metrics, label, weights, candidate, settings.bounds, confidence))
    left_out: list[LeftOut] = []
    if baseline is not None and metrics.auc is not None:
        block_unclear = settings.when_unclear == "block"
        bounds += overall(label, weights, candidate, baseline, settings.bounds, confidence, block_unclear)
        kept = [Slicing(one.names, one.ids[counted]) for one in slicings]
        of_rows = (part[counted] for part in (label, weights, candidate, baseline))
        judged, left_out = by_slice(kept, *of_rows, settings.slice_bounds, confidence)
        bounds += judged
    return Verdict(bounds, left_out, baseline is not None, confidence, force)
