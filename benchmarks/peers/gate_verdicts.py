"""Verdicts of the gate on pairs of trained models, and their counts."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers.gate_candidates import Candidate
from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import Slicing
from components.quality_gate.verdict import Verdict, judge
from configs.evaluation import Evaluation
from simulator.truth import soft_auc

REGRESSIONS = ("AUC change", "normalized entropy change", "calibration error change")
TOLD = ("name", "slice", "value", "low", "high", "relation", "bound", "p_value", "rows", "clicks")
"""Of a bound."""


class Eval(NamedTuple):
    """The eval rows; arrays are [rows]."""

    label: FloatArray
    truth: FloatArray
    """Click probabilities that the simulator drew the labels with."""
    slicings: Sequence[Slicing]
    settings: Evaluation


class Judged(NamedTuple):
    """One candidate against one baseline."""

    candidate: Candidate
    baseline: Candidate
    auc_change: float
    true_auc_change: float
    """With the known probabilities in place of labels: without the labels' noise."""
    true_entropy_change: float
    """Of the normalized entropy, the same way."""
    blocking: list[dict[str, Any]]
    """Bounds that block."""
    nearest: list[dict[str, Any]]
    """Allowed regressions, those with the least p-values first."""

    @property
    def regressed(self) -> bool:
        """Whether an allowed regression blocks."""
        return any(bound["name"] in REGRESSIONS for bound in self.blocking)

    @property
    def found(self) -> bool:
        """Whether the harm was found: blocked and, where a slice was harmed, by a bound of that slice too."""
        harmed = self.candidate.harm and self.candidate.harm.slice_name()
        return bool(self.blocking) and (not harmed or any(bound["slice"] == harmed for bound in self.blocking))

    def as_json(self) -> dict[str, Any]:
        """With the bounds that block, or where none does, the three regressions that were nearest to it."""
        told: dict[str, Any] = {"candidate": self.candidate.name, "baseline": self.baseline.name}
        if self.candidate.harm:
            told["harm"] = self.candidate.harm.name
        for name in ("auc_change", "true_auc_change", "true_entropy_change"):
            told[name] = round(getattr(self, name), 5)
        return told | ({"blocking": self.blocking} if self.blocking else {"nearest": self.nearest[:3]})


def judged(rows: Eval, candidate: Candidate, score: FloatArray, baseline: Candidate, other: FloatArray) -> Judged:
    """By the gate's own function. `score`, `other`: of the candidate and of the baseline, [rows]."""
    verdict: Verdict = judge(rows.label, score, other, None, rows.slicings, rows.settings)
    bounds = [bound.as_json() for bound in verdict.bounds]
    changes = sorted((one for one in bounds if one["name"] in REGRESSIONS), key=lambda one: one["p_value"])
    return Judged(
        candidate,
        baseline,
        next(one["value"] for one in bounds if one["name"] == "AUC change" and not one["slice"]),
        soft_auc(rows.truth, score) - soft_auc(rows.truth, other),
        normalized_entropy(rows.truth, score) - normalized_entropy(rows.truth, other),
        [_told(one) for one in bounds if not one["held"]],
        [_told(one) for one in changes],
    )


def normalized_entropy(truth: FloatArray, score: FloatArray) -> float:
    """Expected log loss over the entropy of the mean click probability (He et al. 2014)."""

    def loss(score: FloatArray | np.float64) -> float:
        return float(-np.mean(truth * np.log(score) + (1 - truth) * np.log1p(-score)))

    return loss(np.clip(score, 1e-7, 1 - 1e-7)) / loss(truth.mean())


def alike_part(pairs: Sequence[Judged], every: Sequence[Judged], allowed: int) -> dict[str, Any]:
    """`every`: all ordered pairs of the same models, which tells a rare block that twenty pairs may not meet."""
    blocked = [pair for pair in pairs if pair.regressed]
    return {
        "pairs": len(pairs),
        "blocked": len(blocked),
        "allowed": allowed,
        "blocked_by_floors_alone": sum(bool(pair.blocking) and not pair.regressed for pair in pairs),
        "blocked_pairs": [pair.as_json() for pair in pairs if pair.blocking],
        "absolute_auc_change": _spread([abs(pair.auc_change) for pair in pairs]),
        "every_ordered_pair": {
            "pairs": len(every),
            "blocked": sum(pair.regressed for pair in every),
            "by": _counted(every),
        },
    }


def harmed_part(candidates: Sequence[Judged], required: int) -> dict[str, Any]:
    """Counts overall and by harm."""
    by_harm: dict[str, list[Judged]] = {}
    for one in candidates:
        if one.candidate.harm:
            by_harm.setdefault(one.candidate.harm.name, []).append(one)
    return {
        "candidates": len(candidates),
        "blocked": sum(bool(one.blocking) for one in candidates),
        "blocked_and_named": sum(one.found for one in candidates),
        "required": required,
        "by_harm": {name: _of_harm(of) for name, of in by_harm.items()},
        "not_found": [one.as_json() for one in candidates if not one.found],
    }


def _of_harm(of: Sequence[Judged]) -> dict[str, Any]:
    return {
        "candidates": len(of),
        "blocked_and_named": sum(one.found for one in of),
        "auc_change": _spread([one.auc_change for one in of]),
        "true_auc_change": _spread([one.true_auc_change for one in of]),
        "true_entropy_change": _spread([one.true_entropy_change for one in of]),
        "by": _counted(of),
    }


def _counted(judgements: Sequence[Judged]) -> dict[str, int]:
    """How many were blocked by each bound, most first."""
    titles = [
        f"{bound['name']} in {bound['slice']}" if bound["slice"] else bound["name"]
        for one in judgements
        for bound in one.blocking
    ]
    return dict(collections.Counter(titles).most_common())


def _told(bound: dict[str, Any]) -> dict[str, Any]:
    return {name: round(bound[name], 6) if isinstance(bound[name], float) else bound[name] for name in TOLD}


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    found = {"mean": statistics.fmean(values), "min": min(values), "max": max(values)}
    return {name: round(value, 5) for name, value in found.items()}
