"""Negatives thinned out before training: scores put back to the true click rate, and rows to their true weight."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray


def corrected_probability(score: FloatArray, kept_share: float) -> FloatArray:
    """q = p / (p + (1 − p) / w), [rows]: what a model trained on thinned negatives says of all impressions.

    He et al. 2014, ADKDD, section 6.3; w is `kept_share`, the share of the impressions without a click that was kept.
    ValueError: kept_share outside (0, 1].
    """
    _check(kept_share)
    return np.asarray(score / (score + (1.0 - score) / kept_share), np.float64)


def restored_rows(label: FloatArray, weight: FloatArray | None, kept_share: float) -> tuple[FloatArray, FloatArray]:
    """Label and weight, [rows] each, with which thinned rows count as all impressions did.

    A non-click stands for 1 / kept_share impressions; a row of several (label = clicks / impressions) for
    w y + w (1 − y) / kept_share of them. ValueError: kept_share outside (0, 1].
    """
    _check(kept_share)
    given = np.ones_like(label) if weight is None else weight
    clicks = given * label
    restored = clicks + given * (1.0 - label) / kept_share
    return np.divide(clicks, restored, out=np.array(label, np.float64), where=restored > 0), restored


def _check(kept_share: float) -> None:
    if not 0.0 < kept_share <= 1.0:
        raise ValueError(f"kept_share is {kept_share!r}: the share of negatives that was kept lies in (0, 1]")
