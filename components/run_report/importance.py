"""Permutation importance: how much AUC falls when one feature's values are shuffled among the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import auc

ROWS = 4000
"""Evaluation rows that are scored again, evenly spread: the cost is rows × features × shuffles."""
SHUFFLES = 3
SEED = 20010101

Columns = Mapping[str, Any]
"""Values by input of the model, arrays or tensors of shape [rows]."""


def permutation_importance(
    predict: Callable[[Columns], npt.NDArray[np.float64]],
    columns: Columns,
    features: Mapping[str, Sequence[str]],
    label: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None = None,
    take: Callable[[Any, npt.NDArray[np.intp]], Any] = np.take,
) -> list[dict[str, Any]] | None:
    """Breiman 2001, with AUC as the measure. `features`: the inputs that carry each feature, shuffled together.
    `take`: a column's values in another order.

    `auc_drop` is the mean over SHUFFLES shuffles, `low` and `high` the least and greatest of them. None where the rows
    have one class only.
    """
    weights = np.ones_like(label) if weight is None else weight
    whole = auc(label, predict(columns), weights)
    if whole is None:
        return None
    random = np.random.default_rng(SEED)
    orders = [random.permutation(len(label)) for _ in range(SHUFFLES)]  # the same ones for every feature
    found = []
    for feature, inputs in features.items():
        drops = []
        for order in orders:
            shuffled = auc(
                label, predict({**columns, **{name: take(columns[name], order) for name in inputs}}), weights
            )
            assert shuffled is not None  # the labels are the same
            drops.append(whole - shuffled)
        found.append({
            "feature": feature, "auc_drop": _short(sum(drops) / SHUFFLES), "low": _short(min(drops)),
            "high": _short(max(drops)),
        })  # fmt: skip
    return found


def spread(rows: int, wanted: int = ROWS) -> npt.NDArray[np.intp]:
    """Indices of up to `wanted` of so many rows, evenly spread."""
    return np.unique(np.linspace(0, rows - 1, min(rows, wanted)).astype(np.intp))


def _short(value: float) -> float:
    return float(f"{value:.6g}")
