"""Whether a candidate may replace the model in service, with each bound's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from components.evaluator.measuring import Measured, measure
from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import Slicing
from components.quality_gate.bounds import Bound
from components.quality_gate.floors import NEEDED as FOR_FLOORS
from components.quality_gate.floors import floors
from components.quality_gate.paired import NEEDED as FOR_PAIRS
from components.quality_gate.regressions import by_slice, overall
from components.quality_gate.slice_floors import slice_floors
from components.quality_gate.slices import LeftOut
from configs.evaluation import Evaluation

SLICES_KEPT = 50


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
        """One line for each bound that blocks: all rows together, then slices, the plainest case first."""
        blocking = [bound for bound in self.bounds if not bound.held]
        blocking.sort(key=lambda bound: (bound.slice is not None, bound.p_value if bound.slice else 0.0))
        return [bound.reason() for bound in blocking]

    def largest(self, most: int = SLICES_KEPT) -> list[LeftOut]:
        """Of the slices that do not decide, the largest; a column of nearly unique values has as many as rows."""
        return sorted(self.left_out, key=lambda one: -one.rows)[:most]

    def as_json(self) -> dict[str, Any]:
        """quality_gate.json."""
        return {
            "blessed": self.blessed,
            "passed": self.passed,
            "reasons": self.reasons(),
            "compared": self.compared,
            "confidence": self.confidence,
            "bounds": [bound.as_json() for bound in self.bounds],
            "slices_too_small": {"count": len(self.left_out), "largest": [one._asdict() for one in self.largest()]},
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

    `label` and scores in [0, 1], `weight` ≥ 0; `slicings`: all rows together first. Raises ValueError without rows.
    """
    given = {"label": label, "candidate": candidate, "baseline": baseline, "weight": weight}
    scores = {name: values for name, values in given.items() if values is not None}
    return judge_measured(measure(scores, slicings, sorted({*FOR_FLOORS, *FOR_PAIRS})), settings, force)


def judge_measured(measured: Sequence[Measured], settings: Evaluation, force: Force | None = None) -> Verdict:
    """The same of what was measured already, all rows together first."""
    whole = measured[0]
    rows = whole.rows["candidate"]
    if not len(rows.label):
        raise ValueError("the eval split has no rows; the gate needs some to decide on")
    if not rows.weights[0] > 0:
        raise ValueError("every row of the eval split weighs 0; the gate needs rows that count")
    confidence = settings.confidence
    bounds = list(floors(whole, settings.bounds, confidence))
    left_out: list[LeftOut] = []
    compared = "baseline" in whole.rows
    if compared and not np.isnan(whole.metrics["candidate"]["auc"].value[0]):
        bounds += overall(whole, settings.bounds, confidence, settings.when_unclear == "block")
        judged, left_out = by_slice(measured[1:], settings.slice_bounds, confidence)
        bounds += judged
    reached, too_small = slice_floors(measured[1:], settings.slice_bounds, confidence)
    bounds += reached
    left_out = left_out or too_small
    return Verdict(bounds, left_out, compared, confidence, force)
