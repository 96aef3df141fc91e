"""Areas under the ROC curve, of labels and of known click probabilities. It needs numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a click outscores a non-click, ties counting one half.

    Args:
        labels: [n], 1 for a click and 0 for none.
        scores: [n], any finite numbers; higher means likelier.

    Raises:
        ValueError: lengths differ, a label is neither 0 nor 1, a score is not finite, or one class is absent.

    Source: Hanley and McNeil 1982, the Wilcoxon statistic (their equation 1), https://doi.org/10.1148/radiology.143.1.7063747
    """
    values = np.asarray(labels, dtype=np.float64)
    strange = values[(values != 0) & (values != 1)]
    if strange.size:
        raise ValueError(f"labels must be 0 or 1, got {strange[0]}")
    return _weighted_auc(values, scores, "labels")


def soft_auc(click_probability: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Area under the ROC curve against known probabilities: row i weighs p_i as a click and 1 - p_i as none.

    It is what `auc` tends to over labels drawn from p (up to terms of order 1/n), without their noise:

        sum_ij p_i (1 - p_j) ([s_i > s_j] + [s_i = s_j] / 2) / (sum_i p_i  sum_j (1 - p_j))

    Args:
        click_probability: [n] in [0, 1].
        scores: [n], any finite numbers; higher means likelier.

    Raises:
        ValueError: lengths differ, a probability lies outside [0, 1], a score is not finite, or one class has
            no weight.
    """
    values = np.asarray(click_probability, dtype=np.float64)
    strange = values[~((values >= 0) & (values <= 1))]
    if strange.size:
        raise ValueError(f"click_probability must lie in [0, 1], got {strange[0]}")
    return _weighted_auc(values, scores, "click_probability")


def _weighted_auc(click_weight: npt.NDArray[np.float64], scores: npt.ArrayLike, name: str) -> float:
    ranked = np.asarray(scores, dtype=np.float64)
    if ranked.ndim != 1 or ranked.shape != click_weight.shape:
        raise ValueError(
            f"{name} and scores must be vectors of one length, got {click_weight.shape} and {ranked.shape}"
        )
    if not np.isfinite(ranked).all():
        raise ValueError(f"scores must be finite, got {ranked[~np.isfinite(ranked)][0]}")
    total_click, total_other = click_weight.sum(), (1 - click_weight).sum()
    if total_click == 0 or total_other == 0:
        only = "non-clicks" if total_click == 0 else "clicks"
        raise ValueError(f"{name} must hold clicks and non-clicks, got only {only}")
    distinct, group = np.unique(ranked, return_inverse=True)
    click = np.bincount(group, weights=click_weight, minlength=len(distinct))
    other = np.bincount(group, weights=1 - click_weight, minlength=len(distinct))
    other_below = np.cumsum(other) - other
    return float((click * (other_below + other / 2)).sum() / (total_click * total_other))
