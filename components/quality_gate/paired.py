"""How much worse a candidate is than the model in service on the same rows, with the noise of those rows.

Both models meet the same rows and clicks, so most of the noise cancels: a row's influence on the difference is the
difference of its influences (DeLong et al. 1988 for the AUC).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.evaluator.metrics import FloatArray
from components.quality_gate.influence import Measured, Rows, auc, log_calibration_ratio, normalized_entropy
from components.quality_gate.normal import normal_quantile, normal_tail

DRAWS = 4_000
SLICES_AT_ONCE = 256


class Regression(NamedTuple):
    """How much worse the candidate is, by slice; below 0: better. All [slices]."""

    rise: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray
    """One-sided, of the hypothesis that the candidate is no worse than allowed."""


def auc_drop(rows: Rows, candidate: FloatArray, baseline: FloatArray, allowed: float, confidence: float) -> Regression:
    """By how much the AUC falls."""
    new, old = auc(rows, candidate), auc(rows, baseline)
    return _normal(rows, old.value - new.value, old.influence - new.influence, allowed, confidence)


def normalized_entropy_rise(
    rows: Rows, candidate: FloatArray, baseline: FloatArray, allowed: float, confidence: float
) -> Regression:
    """By how much the normalized entropy rises."""
    new, old = normalized_entropy(rows, candidate), normalized_entropy(rows, baseline)
    return _normal(rows, new.value - old.value, new.influence - old.influence, allowed, confidence)


def calibration_error_rise(
    rows: Rows, candidate: FloatArray, baseline: FloatArray, allowed: float, confidence: float, seed: int = 0
) -> Regression:
    """By how much |ln(calibration ratio)| rises.

    The absolute value has a kink where a model is calibrated, so that no normal law holds there: both models' log
    ratios are drawn together from theirs (a parametric bootstrap; Efron and Tibshirani 1993, chapter 6).
    """
    new, old = log_calibration_ratio(rows, candidate), log_calibration_ratio(rows, baseline)
    rise = np.abs(new.value) - np.abs(old.value)
    normals = np.random.default_rng(seed).standard_normal((2, DRAWS))
    tail = (1 - confidence) / 2
    parts = [
        _drawn(one_new, one_old, covariance, normals, allowed, tail)
        for one_new, one_old, covariance in _chunks(rows, new, old)
    ]
    low, high, p_value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Regression(rise, low, high, p_value)


def _normal(rows: Rows, rise: FloatArray, influence: FloatArray, allowed: float, confidence: float) -> Regression:
    error = np.sqrt(rows.variance(influence))
    reach = normal_quantile((1 + confidence) / 2) * error
    beyond = rise - allowed
    distance = np.divide(beyond, error, out=np.where(beyond > 0, np.inf, -np.inf), where=error > 0)
    return Regression(rise, rise - reach, rise + reach, normal_tail(distance))


def _chunks(rows: Rows, new: Measured, old: Measured) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Values and covariances, [3, slices]: of new, both, old, a few slices at once, since each has thousands of draws."""
    both = rows.variance((new.influence + old.influence) / 2) - rows.variance((new.influence - old.influence) / 2)
    covariance = np.stack([rows.variance(new.influence), both, rows.variance(old.influence)])
    starts = range(0, rows.slices, SLICES_AT_ONCE)
    cut = [slice(start, start + SLICES_AT_ONCE) for start in starts]
    return [(new.value[one], old.value[one], covariance[:, one]) for one in cut]


def _drawn(
    new: FloatArray, old: FloatArray, covariance: FloatArray, normals: FloatArray, allowed: float, tail: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interval and p-value, each [slices]."""
    variance_new, both, variance_old = covariance
    spread = np.sqrt(variance_new)
    shared = np.divide(both, spread, out=np.zeros_like(both), where=spread > 0)
    own = np.sqrt(np.maximum(variance_old - shared**2, 0.0))
    first, second = normals
    drawn_new = new[:, None] + spread[:, None] * first
    drawn_old = old[:, None] + shared[:, None] * first + own[:, None] * second
    rises = np.abs(drawn_new) - np.abs(drawn_old)
    low, high = np.quantile(rises, [tail, 1 - tail], axis=1)
    within = (rises <= allowed).sum(axis=1)
    centre, width = rises.mean(axis=1), rises.std(axis=1)
    beyond = centre - allowed
    distance = np.divide(beyond, width, out=np.where(beyond > 0, np.inf, -np.inf), where=width > 0)
    rarest = 1 / (DRAWS + 1)
    p_value = np.where(within > 0, (within + 1) * rarest, np.minimum(normal_tail(distance), rarest))
    return low, high, np.minimum(p_value, 1.0)
