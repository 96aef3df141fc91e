"""Difference of two AUCs on the same rows, with its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Z_95 = 1.959964
FloatArray = npt.NDArray[np.float64]


class Difference(NamedTuple):
    """AUC of the first minus AUC of the second, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def auc_difference(label: FloatArray, first: FloatArray, second: FloatArray) -> Difference:
    """label in {0, 1}, both scores; all [rows].

    DeLong et al. 1988, doi 10.2307/2531595, with the mid-ranks of Sun and Xu 2014, doi 10.1109/LSP.2014.2337313.
    """
    from scipy.stats import rankdata

    clicks, others = label > 0, label <= 0
    m, n = int(clicks.sum()), int(others.sum())
    per_click, per_other, areas = [], [], []
    for score in (first, second):
        ranks = rankdata(score)
        per_click.append((ranks[clicks] - rankdata(score[clicks])) / n)
        per_other.append(1.0 - (ranks[others] - rankdata(score[others])) / m)
        areas.append(float(per_click[-1].mean()))
    variance = np.var(per_click[0] - per_click[1], ddof=1) / m + np.var(per_other[0] - per_other[1], ddof=1) / n
    value, half = areas[0] - areas[1], Z_95 * float(np.sqrt(variance))
    return Difference(value, value - half, value + half)
