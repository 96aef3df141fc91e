"""Absolute bounds on all rows together: they hold on the first run too.

AUC and log loss have to be reached by what was measured: a model must show that it is good. Calibration is refused only
where noise explains it no more: with 50 clicks the calibration ratio of a perfect model strays by 14 %.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.evaluator.metrics import ECE_BINS, ClickMetrics, FloatArray
from components.quality_gate.bounds import FAILED, HELD, UNCLEAR, Bound, State
from components.quality_gate.influence import Rows, auc, log_calibration_ratio
from components.quality_gate.normal import normal_quantile
from configs.evaluation import Bounds

DRAWS = 4_000


def floors(
    metrics: ClickMetrics, label: FloatArray, weight: FloatArray, score: FloatArray, bounds: Bounds, confidence: float
) -> Iterator[Bound]:
    """`metrics`: of these rows. A figure that the rows cannot give fails."""
    rows = Rows(label, weight, np.zeros(len(label), np.int64), 1)
    reach = normal_quantile((1 + confidence) / 2)
    low, high = _auc_interval(rows, score, reach) if metrics.auc is not None else (None, None)
    held = metrics.auc is not None and metrics.auc >= bounds.min_auc
    yield Bound("AUC", metrics.auc, "≥", bounds.min_auc, HELD if held else FAILED, held, low, high)
    held = metrics.log_loss <= bounds.max_log_loss
    yield Bound("log loss", metrics.log_loss, "≤", bounds.max_log_loss, HELD if held else FAILED, held)
    yield from _calibration(rows, metrics.calibration_ratio, score, bounds, reach)
    yield _ece(metrics.ece, weight, score, bounds.max_ece, confidence)


def _auc_interval(rows: Rows, score: FloatArray, reach: float) -> tuple[float, float]:
    """On the logit scale, which keeps it within 0 and 1 (Pepe 2003, "The Statistical Evaluation of Medical Tests")."""
    measured = auc(rows, score)
    value, error = float(measured.value[0]), float(np.sqrt(rows.variance(measured.influence)[0]))
    if not 0.0 < value < 1.0:
        return value, value
    logit, width = np.log(value / (1 - value)), reach * error / (value * (1 - value))
    return float(1 / (1 + np.exp(width - logit))), float(1 / (1 + np.exp(-width - logit)))


def _calibration(rows: Rows, ratio: float | None, score: FloatArray, bounds: Bounds, reach: float) -> Iterator[Bound]:
    low = high = None
    if ratio is not None:
        measured = log_calibration_ratio(rows, score)
        width = reach * float(np.sqrt(rows.variance(measured.influence)[0]))
        low, high = float(ratio * np.exp(-width)), float(ratio * np.exp(width))
    for relation, bound in (("≥", bounds.min_calibration_ratio), ("≤", bounds.max_calibration_ratio)):
        state: State = FAILED
        if ratio is not None and low is not None and high is not None:
            reached = ratio >= bound if relation == "≥" else ratio <= bound
            beyond = high < bound if relation == "≥" else low > bound
            state = HELD if reached else FAILED if beyond else UNCLEAR
        yield Bound(
            "calibration ratio", ratio, "≥" if relation == "≥" else "≤", bound, state, state != FAILED, low, high
        )


def _ece(ece: float, weight: FloatArray, score: FloatArray, bound: float, confidence: float) -> Bound:
    noise = calibrated_ece(weight, score, (1 + confidence) / 2)
    state = HELD if ece <= bound else FAILED if ece > bound + noise else UNCLEAR
    note = f"a calibrated model shows up to {noise:.4f} by chance"
    return Bound("expected calibration error", ece, "≤", bound, state, state != FAILED, note=note)


def calibrated_ece(weight: FloatArray, score: FloatArray, quantile: float, seed: int = 0) -> float:
    """The quantile of the expected calibration error where clicks come with the very probabilities that were told.

    Consistency resampling (Bröcker and Smith 2007, Weather and Forecasting 22, 651–661), with the normal law for the
    clicks of a bin.
    """
    bins = np.array_split(np.argsort(score, kind="stable"), ECE_BINS)
    spread = np.array([np.sqrt((weight[one] ** 2 * score[one] * (1 - score[one])).sum()) for one in bins])
    draws = np.abs(np.random.default_rng(seed).standard_normal((DRAWS, ECE_BINS))) @ spread / weight.sum()
    return float(np.quantile(draws, quantile))
