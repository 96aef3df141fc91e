"""Allowed regressions against the model in service, on the same rows, overall and by slice.

A bound fails where a one-sided test refuses that the candidate is no worse than allowed: with equal models that is
rarer than the level, since equal lies within what is allowed. Two families are tested, all rows together and all
slices, each at (1 − confidence) / 2 for the whole family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components.evaluator.metrics import FloatArray
from components.quality_gate.bounds import FAILED, HELD, UNCLEAR, Bound, State
from components.quality_gate.influence import Rows
from components.quality_gate.multiplicity import holm
from components.quality_gate.paired import Regression, auc_drop, calibration_error_rise, normalized_entropy_rise
from components.quality_gate.slices import IntArray, LeftOut, Slicing, counts, deciding
from configs.evaluation import Bounds, SliceBounds

Compare = Callable[[Rows, FloatArray, FloatArray, float, float], Regression]


class Compared(NamedTuple):
    """One metric, over all rows or the slices of one slicing."""

    name: str
    falls: bool
    """Whether a regression is a fall of the metric, as the AUC's is."""
    allowed: float
    regression: Regression
    slices: tuple[str | None, ...]
    rows: IntArray
    clicks: IntArray


def overall(
    label: FloatArray,
    weight: FloatArray,
    candidate: FloatArray,
    baseline: FloatArray,
    bounds: Bounds,
    confidence: float,
    block_unclear: bool,
) -> list[Bound]:
    """Bounds on all rows together, all arrays [rows]; the rows must have clicks and other rows."""
    rows = Rows(label, weight, np.zeros(len(label), np.int64), 1)
    size = np.array([len(label)]), np.array([int((label > 0).sum())])
    found = _compare(rows, candidate, baseline, bounds, confidence, (None,), *size)
    return list(_judged(found, confidence, block_unclear))


def by_slice(
    slicings: Sequence[Slicing],
    label: FloatArray,
    weight: FloatArray,
    candidate: FloatArray,
    baseline: FloatArray,
    bounds: SliceBounds,
    confidence: float,
) -> tuple[list[Bound], list[LeftOut]]:
    """Bounds of each slice that is large enough, and the slices that are not."""
    found: list[Compared] = []
    left_out: list[LeftOut] = []
    for slicing in slicings:
        large, small = deciding(slicing, label, bounds)
        left_out += small
        if not large.any():
            continue
        row_count, clicks, _ = counts(slicing, label)
        new_ids = np.cumsum(large) - 1
        chosen = large[slicing.ids]
        rows = Rows(label[chosen], weight[chosen], new_ids[slicing.ids[chosen]], int(large.sum()))
        names = tuple(slicing.names[one] for one in np.flatnonzero(large))
        sizes = row_count[large], clicks[large]
        found += _compare(rows, candidate[chosen], baseline[chosen], bounds, confidence, names, *sizes)
    return list(_judged(found, confidence, block_unclear=False)), left_out


def _compare(
    rows: Rows,
    candidate: FloatArray,
    baseline: FloatArray,
    bounds: Bounds | SliceBounds,
    confidence: float,
    slices: tuple[str | None, ...],
    row_count: IntArray,
    clicks: IntArray,
) -> list[Compared]:
    metrics: list[tuple[str, bool, float, Compare]] = [
        ("AUC change", True, bounds.max_auc_drop, auc_drop),
        ("normalized entropy change", False, bounds.max_normalized_entropy_rise, normalized_entropy_rise),
        ("calibration error change", False, bounds.max_calibration_error_rise, calibration_error_rise),
    ]
    return [
        Compared(
            name, falls, allowed, compare(rows, candidate, baseline, allowed, confidence), slices, row_count, clicks
        )
        for name, falls, allowed, compare in metrics
    ]


def _judged(family: Sequence[Compared], confidence: float, block_unclear: bool) -> Iterator[Bound]:
    if not family:
        return
    adjusted = holm(np.concatenate([one.regression.p_value for one in family]))
    level = (1 - confidence) / 2
    start = 0
    for one in family:
        p_values = adjusted[start : start + len(one.slices)]
        start += len(one.slices)
        for number, name in enumerate(one.slices):
            yield _bound(one, number, name, float(p_values[number]), level, block_unclear)


def _bound(one: Compared, number: int, name: str | None, p_value: float, level: float, block_unclear: bool) -> Bound:
    rise, low, high, _ = (float(part[number]) for part in one.regression)
    state: State = FAILED if p_value <= level else HELD if high <= one.allowed else UNCLEAR
    if one.falls:
        rise, low, high = -rise, -high, -low
    return Bound(
        one.name,
        rise + 0.0,  # no −0
        "≥" if one.falls else "≤",
        -one.allowed if one.falls else one.allowed,
        state,
        state == HELD or (state == UNCLEAR and not block_unclear),
        low + 0.0,
        high + 0.0,
        p_value,
        name,
        None if name is None else int(one.rows[number]),
        None if name is None else int(one.clicks[number]),
    )
