"""How much worse a candidate is than the model in service on the same rows, against what is allowed.

Differences and their standard errors are components/evaluator/intervals.py's: both models meet the same rows and
clicks, so that most of the noise cancels. The hypothesis that the candidate is no worse than allowed is tested
one-sided, which is the test of non-inferiority turned round (Wellek 2010, "Testing Statistical Hypotheses of
Equivalence and Noninferiority"): here it is the regression that has to be shown.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.evaluator.intervals import Differences, Intervals, quantile
from components.evaluator.measuring import Measured
from components.evaluator.sliced_rows import FloatArray

DRAWS = 4_000
SLICES_AT_ONCE = 256
NEEDED = ("auc", "normalized_entropy", "calibration_ratio")
"""Metrics that a Measured must have."""


class Regression(NamedTuple):
    """How much worse the candidate is, by slice; below 0: better. All [slices], NaN where the rows cannot tell."""

    rise: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray
    """One-sided, of the hypothesis that the candidate is no worse than allowed; 1 where the rows cannot tell."""


def auc_drop(measured: Measured, allowed: float, confidence: float) -> Regression:
    """By how much the AUC falls."""
    return _by_student(measured, "auc", -1.0, allowed, confidence)


def normalized_entropy_rise(measured: Measured, allowed: float, confidence: float) -> Regression:
    """By how much the normalized entropy rises."""
    return _by_student(measured, "normalized_entropy", 1.0, allowed, confidence)


def calibration_error_rise(measured: Measured, allowed: float, confidence: float, seed: int = 0) -> Regression:
    """By how much |ln(calibration ratio)| rises.

    The absolute value has a kink where a model is calibrated, so that no normal law holds there: both models' log
    ratios are drawn together from theirs (a parametric bootstrap; Efron and Tibshirani 1993, chapter 6).
    """
    new = measured.metrics["candidate"]["calibration_ratio"]
    old = measured.metrics["baseline"]["calibration_ratio"]
    difference = measured.differences["calibration_ratio"]
    variance = standard_error(difference, measured) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.stack([np.log(new.value), np.log(old.value)])
        both = (new.standard_error**2 + old.standard_error**2 - variance) / 2 / (new.value * old.value)
        spread = np.stack([new.standard_error / new.value, old.standard_error / old.value])
        rise = np.abs(logs[0]) - np.abs(logs[1])
        normals = np.random.default_rng(seed).standard_normal((2, DRAWS))
        tail = (1 - confidence) / 2
        cuts = [slice(start, start + SLICES_AT_ONCE) for start in range(0, len(rise), SLICES_AT_ONCE)]
        parts = [_drawn(logs[:, cut], spread[:, cut], both[cut], normals, allowed, tail) for cut in cuts]
    low, high, p_value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Regression(rise, low, high, p_value)


def standard_error(found: Differences | Intervals, measured: Measured) -> FloatArray:
    """Of a difference, from its interval, [slices]."""
    reach = quantile(measured.rows["candidate"].effective_clicks)
    centre = found.difference if isinstance(found, Differences) else found.value
    return (found.high - centre) / reach


def _by_student(measured: Measured, name: str, sign: float, allowed: float, confidence: float) -> Regression:
    from scipy.stats import t

    found = measured.differences[name]
    error = standard_error(found, measured)
    freedom = np.maximum(measured.rows["candidate"].effective_clicks - 1, 1e-9)
    rise = sign * found.difference
    reach = t.ppf((1 + confidence) / 2, freedom) * error
    beyond = rise - allowed
    distance = np.divide(beyond, error, out=np.where(beyond > 0, np.inf, -np.inf), where=error > 0)
    p_value = np.where(np.isnan(rise) | np.isnan(error), 1.0, t.sf(distance, freedom))
    return Regression(rise, rise - reach, rise + reach, p_value)


def _drawn(
    logs: FloatArray, spread: FloatArray, both: FloatArray, normals: FloatArray, allowed: float, tail: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interval and p-value, each [slices]. `logs`, `spread`: [2, slices]; `both`: covariance, [slices]."""
    from scipy.stats import norm

    shared = np.divide(both, spread[0], out=np.zeros_like(both), where=spread[0] > 0)
    own = np.sqrt(np.maximum(spread[1] ** 2 - shared**2, 0.0))
    drawn_new = logs[0][:, None] + spread[0][:, None] * normals[0]
    drawn_old = logs[1][:, None] + shared[:, None] * normals[0] + own[:, None] * normals[1]
    rises = np.abs(drawn_new) - np.abs(drawn_old)
    low, high = np.quantile(rises, [tail, 1 - tail], axis=1)
    within = (rises <= allowed).sum(axis=1)
    rarest = 1 / (DRAWS + 1)
    counted = (within + 1) * rarest
    beyond, width = rises.mean(axis=1) - allowed, rises.std(axis=1)
    distance = np.divide(beyond, width, out=np.where(beyond > 0, np.inf, -np.inf), where=width > 0)
    p_value = np.where(within > 0, counted, np.minimum(norm.sf(distance), rarest))
    unknown = np.isnan(rises).any(axis=1)
    return low, high, np.where(unknown, 1.0, np.minimum(p_value, 1.0))
