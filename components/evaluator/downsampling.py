"""Negatives thinned out before training: rows put back to the weight of all impressions.

Scores are corrected within the model (trainer/calibration.py, `sampling_shift`).
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from components.evaluator.sliced_rows import FloatArray


class Thinning(NamedTuple):
    """What happened to the rows."""

    kept_share: float
    """Of the impressions without a click, in (0, 1]."""
    weighted: bool
    """Whether the rows have a weight of their own; else the EvalConfig names a stand-in, whose values do not count."""


THINNING: contextvars.ContextVar[Thinning] = contextvars.ContextVar("thinning")
"""For components/evaluator/tfma_extractors.py: TFX finds it by its path, loads it anew and gives it no argument."""


@contextlib.contextmanager
def weighing_back(thinning: Thinning) -> Iterator[dict[str, str]]:
    """Execution properties with which TFX's Evaluator weighs negatives back, as long as the context lasts."""
    token = THINNING.set(thinning)
    try:
        yield {"custom_extractors": "components.evaluator.tfma_extractors.custom_extractors"}
    finally:
        THINNING.reset(token)


def restored_rows(label: FloatArray, weight: FloatArray | None, kept_share: float) -> tuple[FloatArray, FloatArray]:
    """Label and weight, [rows] each, with which thinned rows count as all impressions did.

    A non-click stands for 1 / kept_share impressions; a row of several (label = clicks / impressions) for
    w y + w (1 − y) / kept_share of them. ValueError: kept_share outside (0, 1].
    """
    if not 0.0 < kept_share <= 1.0:
        raise ValueError(f"kept_share is {kept_share!r}: the share of negatives that was kept lies in (0, 1]")
    given = np.ones_like(label) if weight is None else weight
    clicks = given * label
    restored = clicks + given * (1.0 - label) / kept_share
    return np.divide(clicks, restored, out=np.array(label, np.float64), where=restored > 0), restored
