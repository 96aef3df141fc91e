"""Logits to honest probabilities: a slope from rows that no weight was fitted on, a shift from all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CALIBRATION_STEPS = 50
CALIBRATION_TOLERANCE = 1e-12
SLOPE_PRIOR_CLICKS = 1500.0
"""Clicks' worth of belief that the slope is 1. A slope found by 300 clicks alone is off by 0.07; those that the true
probabilities of 15 simulated samples asked for had a standard deviation of 0.03."""
TOWERS_SHARE = 0.3
"""Of a model with towers in a blend with its wide part alone, before any row was looked at."""
SHARE_PRIOR_CLICKS = 100.0
"""Clicks' worth of belief in it."""
LEAST_SLOPE, GREATEST_SLOPE = 0.5, 1.5


def calibrating_shift(
    logits: npt.NDArray[np.float32], label: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
) -> float:
    """Shift of the logits after which predicted clicks equal observed clicks on these rows.

    Newton's method with steps of at most 1. The logarithm of the slope changes by at most 1 per unit of the shift, so
    such steps close in from any distance, where full ones leave for infinity once the logits are a few units off.
    """
    wanted = float(np.sum(weight * label))
    shift = 0.0
    for _ in range(CALIBRATION_STEPS):
        probability = 1.0 / (1.0 + np.exp(-(logits.astype(np.float64) + shift)))
        slope = float(np.sum(weight * probability * (1.0 - probability)))
        if slope <= 0.0:
            break
        step = float(np.clip((float(np.sum(weight * probability)) - wanted) / slope, -1.0, 1.0))
        shift -= step
        if abs(step) < CALIBRATION_TOLERANCE:
            break
    return shift


def sampling_shift(kept_share: float) -> float:
    """What the logit of a model loses that was trained on thinned negatives, of which `kept_share` in (0, 1] is left.

    ln w, since q = p / (p + (1 − p) / w) has the odds of p times w (He et al. 2014, ADKDD, section 6.3).
    """
    return float(np.log(kept_share))


def calibrating_slope(
    logits: npt.NDArray[np.float32], label: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
) -> float:
    """Factor of the logits that makes the click likeliest, with a free shift beside (Platt 1999).

    logits, label in {0, 1}, weight: [rows], of rows that the model was not fitted on. Few of them hold few clicks: a
    Gaussian prior about 1, worth SLOPE_PRIOR_CLICKS clicks of average spread, keeps their noise out.
    """
    wide, weights = logits.astype(np.float64), weight.astype(np.float64)
    total = float(weights.sum())
    clicks = float((weights * label).sum())
    if total <= 0.0 or clicks <= 0.0 or clicks >= total:
        return 1.0
    centred = wide - float((weights * wide).sum()) / total
    spread = float((weights * centred**2).sum()) / total
    belief = SLOPE_PRIOR_CLICKS * spread
    slope, shift = 1.0, float(np.log(clicks / (total - clicks)))
    for _ in range(CALIBRATION_STEPS):
        probability = 1.0 / (1.0 + np.exp(-(slope * centred + shift)))
        error = weights * (probability - label)
        curvature = weights * probability * (1.0 - probability)
        gradient = np.array([float(error @ centred) + belief * (slope - 1.0), float(error.sum())])
        cross = float(curvature @ centred)
        hessian = np.array([[float(curvature @ centred**2) + belief, cross], [cross, float(curvature.sum())]])
        step = np.clip(np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient), -0.5, 0.5)
        slope, shift = slope - float(step[0]), shift - float(step[1])
        if float(np.abs(step).max()) < CALIBRATION_TOLERANCE:
            break
    return float(np.clip(slope, LEAST_SLOPE, GREATEST_SLOPE))


def blending_share(
    alone: npt.NDArray[np.float64],
    together: npt.NDArray[np.float32],
    label: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
) -> float:
    """Share s in [0, 1] that makes the click likeliest with logits (1 - s) · alone + s · together, and a free shift.

    All are [rows], of rows that neither was fitted on: stacking of Breiman 1996, doi 10.1007/BF00117832, of two models.
    A Gaussian prior about TOWERS_SHARE, worth SHARE_PRIOR_CLICKS clicks of average spread, keeps few clicks' noise out.
    """
    weights = weight.astype(np.float64)
    total, clicks = float(weights.sum()), float((weights * label).sum())
    if total <= 0.0 or clicks <= 0.0 or clicks >= total:
        return TOWERS_SHARE
    towards = together.astype(np.float64) - alone
    centred = towards - float((weights * towards).sum()) / total
    belief = SHARE_PRIOR_CLICKS * float((weights * centred**2).sum()) / total
    share, shift = TOWERS_SHARE, 0.0
    for _ in range(CALIBRATION_STEPS):
        probability = 1.0 / (1.0 + np.exp(-(alone + share * centred + shift)))
        error = weights * (probability - label)
        curvature = weights * probability * (1.0 - probability)
        gradient = np.array([float(error @ centred) + belief * (share - TOWERS_SHARE), float(error.sum())])
        cross = float(curvature @ centred)
        hessian = np.array([[float(curvature @ centred**2) + belief, cross], [cross, float(curvature.sum())]])
        step = np.clip(np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient), -0.5, 0.5)
        share, shift = share - float(step[0]), shift - float(step[1])
        if float(np.abs(step).max()) < CALIBRATION_TOLERANCE:
            break
    return float(np.clip(share, 0.0, 1.0))
