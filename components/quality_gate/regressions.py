"""Allowed regressions against the model in service, on the same rows, overall and by slice.

A bound fails where a one-sided test refuses that the candidate is no worse than allowed, at (1 − confidence) / 2; on
all rows that is where the interval lies beyond the bound. Equal models lie well within what is allowed, so they fail
far more rarely than the level. That leaves room to adjust each metric by itself among the slices of one cut only:
adjusted all together, small slices that were ruined went unseen, and equal models passed no more often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.intervals import optional
from components.evaluator.measuring import Measured
from components.quality_gate.bounds import FAILED, HELD, UNCLEAR, Bound, State
from components.quality_gate.multiplicity import holm
from components.quality_gate.paired import Regression, auc_drop, calibration_error_rise, normalized_entropy_rise
from components.quality_gate.slices import LeftOut, SliceSizes, slice_sizes
from configs.evaluation import Bounds, SliceBounds

Compare = Callable[[Measured, float, float], Regression]


class Compared(NamedTuple):
    """One metric of the slices of one slicing that decide."""

    name: str
    falls: bool
    """Whether a regression is a fall of the metric, as the AUC's is."""
    allowed: float
    regression: Regression
    sizes: SliceSizes
    deciding: npt.NDArray[np.int64]
    """Which slices, by number."""


def overall(measured: Measured, bounds: Bounds, confidence: float, block_unclear: bool) -> list[Bound]:
    """Bounds on all rows together."""
    sizes = slice_sizes(measured.rows["candidate"], measured.slicing.keys)
    found = _compare(measured, bounds, confidence, sizes, np.array([0]))
    return list(_judged(found, confidence, block_unclear))


def by_slice(measured: Sequence[Measured], bounds: SliceBounds, confidence: float) -> tuple[list[Bound], list[LeftOut]]:
    """Bounds of each slice that is large enough, and the slices that are not."""
    found: list[Compared] = []
    left_out: list[LeftOut] = []
    for one in measured:
        sizes = slice_sizes(one.rows["candidate"], one.slicing.keys)
        left_out += sizes.left_out(bounds)
        large = np.flatnonzero(sizes.decide(bounds))
        if len(large):
            found += _compare(one, bounds, confidence, sizes, large)
    return list(_judged(found, confidence, block_unclear=False)), left_out


def _compare(
    measured: Measured,
    bounds: Bounds | SliceBounds,
    confidence: float,
    sizes: SliceSizes,
    deciding: npt.NDArray[np.int64],
) -> list[Compared]:
    metrics: list[tuple[str, bool, float, Compare]] = [
        ("AUC change", True, bounds.max_auc_drop, auc_drop),
        ("normalized entropy change", False, bounds.max_normalized_entropy_rise, normalized_entropy_rise),
        ("calibration error change", False, bounds.max_calibration_error_rise, calibration_error_rise),
    ]
    return [
        Compared(name, falls, allowed, compare(measured, allowed, confidence), sizes, deciding)
        for name, falls, allowed, compare in metrics
    ]


def _judged(compared: Sequence[Compared], confidence: float, block_unclear: bool) -> Iterator[Bound]:
    level = (1 - confidence) / 2
    for one in compared:
        adjusted = holm(one.regression.p_value[one.deciding])
        for number, p_value in zip(one.deciding.tolist(), adjusted.tolist(), strict=True):
            yield _bound(one, number, p_value, level, block_unclear)


def _bound(one: Compared, number: int, p_value: float, level: float, block_unclear: bool) -> Bound:
    sign = -1.0 if one.falls else 1.0
    rise, low, high = (optional(part[number]) for part in one.regression[:3])
    state: State = UNCLEAR
    if p_value <= level:
        state = FAILED
    elif high is not None and high <= one.allowed:
        state = HELD
    if one.falls:
        low, high = high, low
    name = one.sizes.names[number]
    return Bound(
        one.name,
        _signed(rise, sign),
        "≥" if one.falls else "≤",
        sign * one.allowed + 0.0,
        state,
        state == HELD or (state == UNCLEAR and not block_unclear),
        _signed(low, sign),
        _signed(high, sign),
        p_value,
        name or None,
        int(one.sizes.rows[number]) if name else None,
        int(one.sizes.clicks[number]) if name else None,
    )


def _signed(value: float | None, sign: float) -> float | None:
    return None if value is None else sign * value + 0.0  # a zero has no sign
