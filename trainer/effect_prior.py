"""How far a feature's values differ in click rate beyond chance, and so how hard their weights are held to zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WEAKEST = 0.5
"""Pseudo-observations of a prior of variance 1 on the logit; rarely does an effect spread wider."""


def effect_prior(
    ids: npt.NDArray[np.int64],
    label: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    strongest: float,
    aggregated: bool = False,
) -> float:
    """Strength of the Gaussian prior on a value's weight, k in the penalty k · w², that the rows themselves suggest.

    ids: value of each row, from 0; label in {0, 1}; weight ≥ 0; all [rows]. Returns between WEAKEST and `strongest`.
    `aggregated`: weights count impressions, and labels are click rates.

    The logits of the values' click rates are taken as random effects of variance τ². Cochran's Q of the observed rates
    exceeds its expectation by τ² times a known factor (DerSimonian and Laird 1986, doi 10.1016/0197-2456(86)90046-2),
    and the prior of that variance is k = 1 / (2 τ²). One standard error of Q is taken off first: the ids of a column
    that says nothing would otherwise get weak priors half of the time.
    """
    total = float(weight.sum())
    if not len(ids) or total <= 0.0:
        return strongest
    rate = float((weight * label).sum()) / total
    spread = rate * (1.0 - rate)
    rows = np.bincount(ids, weight)
    seen = rows > 0
    clicks, rows = np.bincount(ids, weight * label)[seen], rows[seen]
    # The sum of squares of what is drawn at once: a row's weight, or the single impressions of an aggregated row.
    at_once = weight.astype(np.float64) * (1.0 if aggregated else weight)
    squares = np.bincount(ids, at_once)[seen]  # rows of weight 1: as many as rows
    if spread <= 0.0 or len(rows) < 2:
        return strongest
    # Each term has expectation squares / rows · (1 - rows / total), which is about 1 for rows of weight 1.
    q = float(((clicks - rows * rate) ** 2 / (rows * spread)).sum())
    by_chance = float((squares / rows * (1.0 - rows / total)).sum())
    # A binomial count's fourth moment: the variance of its squared deviation in units of its variance.
    counts = rows**2 / squares
    error = float(np.sqrt(np.square(squares / rows) @ np.maximum(2.0 + (1.0 / spread - 6.0) / counts, 0.0)))
    factor = spread * (total - float(np.square(rows).sum()) / total)
    variance = (q - error - by_chance) / factor if factor > 0.0 else 0.0
    if variance <= 0.0:
        return strongest
    return float(np.clip(0.5 / variance, min(WEAKEST, strongest), strongest))
