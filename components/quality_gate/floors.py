"""Absolute bounds on all rows together: they hold on the first run too.

AUC and log loss have to be reached by what was measured: a model must show that it is good. Calibration is refused only
where noise explains it no more: with 50 clicks the calibration ratio of a perfect model strays by 14 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from components.evaluator.calibration import ECE_BINS, ece_bins
from components.evaluator.intervals import optional
from components.evaluator.measuring import Measured
from components.evaluator.sliced_rows import SlicedRows
from components.quality_gate.bounds import FAILED, HELD, UNCLEAR, Bound, State
from configs.evaluation import Bounds

DRAWS = 4_000
NEEDED = ("auc", "log_loss", "calibration_ratio", "ece")
"""Metrics that a Measured must have."""


def floors(measured: Measured, bounds: Bounds, confidence: float) -> Iterator[Bound]:
    """`measured`: of all rows together. A figure that the rows cannot give fails."""
    yield _reached("AUC", measured, "auc", "≥", bounds.min_auc)
    yield _reached("log loss", measured, "log_loss", "≤", bounds.max_log_loss)
    yield from _calibration(measured, bounds, confidence)
    yield _ece(measured, bounds.max_ece, confidence)


def _reached(title: str, measured: Measured, name: str, relation: Literal["≥", "≤"], bound: float) -> Bound:
    found = measured.metrics["candidate"][name]
    value, low, high = (optional(one[0]) for one in (found.value, found.low, found.high))
    held = value is not None and (value >= bound if relation == "≥" else value <= bound)
    return Bound(title, value, relation, bound, HELD if held else FAILED, held, low, high)


def _calibration(measured: Measured, bounds: Bounds, confidence: float) -> Iterator[Bound]:
    from scipy.stats import t

    found = measured.metrics["candidate"]["calibration_ratio"]
    ratio, error = optional(found.value[0]), optional(found.standard_error[0])
    clicks = float(measured.rows["candidate"].effective_clicks[0])
    low = high = None
    if ratio and error is not None and clicks > 1:  # on the log scale: half and twice are equally far off
        width = float(t.ppf((1 + confidence) / 2, clicks - 1)) * error / ratio
        low, high = float(ratio * np.exp(-width)), float(ratio * np.exp(width))
    limits: list[tuple[Literal["≥", "≤"], float]] = [
        ("≥", bounds.min_calibration_ratio),
        ("≤", bounds.max_calibration_ratio),
    ]
    for relation, bound in limits:
        state: State = FAILED
        if ratio is not None:
            beyond = high is not None and high < bound if relation == "≥" else low is not None and low > bound
            reached = ratio >= bound if relation == "≥" else ratio <= bound
            state = HELD if reached else FAILED if beyond or not ratio else UNCLEAR
        yield Bound("calibration ratio", ratio, relation, bound, state, state != FAILED, low, high)


def _ece(measured: Measured, bound: float, confidence: float) -> Bound:
    rows = measured.rows["candidate"]
    ece = optional(measured.metrics["candidate"]["ece"].value[0])
    title = "expected calibration error"
    if ece is None:
        return Bound(title, ece, "≤", bound, FAILED, False)
    noise = calibrated_ece(rows, (1 + confidence) / 2)
    state = HELD if ece <= bound else FAILED if ece > bound + noise else UNCLEAR
    note = f"a calibrated model shows up to {noise:.4f} by chance"
    return Bound(title, ece, "≤", bound, state, state != FAILED, note=note)


def calibrated_ece(rows: SlicedRows, quantile: float, seed: int = 0) -> float:
    """The quantile of the expected calibration error where clicks come with the very probabilities that were told.

    `rows`: all together, in one slice. Consistency resampling (Bröcker and Smith 2007, Weather and Forecasting 22,
    651–661), with the normal law for the clicks of a bin.
    """
    variance = rows.weight**2 * rows.score * (1 - rows.score)
    spread = np.sqrt(np.bincount(ece_bins(rows), variance, ECE_BINS))
    draws = np.abs(np.random.default_rng(seed).standard_normal((DRAWS, ECE_BINS))) @ spread / rows.weights[0]
    return float(np.quantile(draws, quantile))
