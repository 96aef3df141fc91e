"""Logistic regression on sparse columns: what the features explain on their own, as the ground for tests of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

ITERATIONS = 200
FloatArray = npt.NDArray[np.float64]


class Block(NamedTuple):
    """Columns that share a prior."""

    columns: Any
    """scipy.sparse.csr_matrix [rows, weights]"""
    prior: float
    """k in the penalty k · w²; positive."""


def fit_probabilities(blocks: Sequence[Block], label: FloatArray, weight: FloatArray) -> FloatArray:
    """Click probabilities of the rows themselves, [rows]; label in {0, 1}, weight ≥ 0 with a positive sum.

    L-BFGS on weights in units of their prior's standard deviation, which makes the problem round.
    """
    rate = float(np.clip(np.average(label, weights=weight), 1e-6, 1.0 - 1e-6))
    start = np.log(rate) - np.log1p(-rate)
    columns = sparse.hstack([block.columns for block in blocks]).tocsr()
    units = np.concatenate([np.full(block.columns.shape[1], (2.0 * block.prior) ** -0.5) for block in blocks])

    def logits(values: FloatArray) -> FloatArray:
        return np.asarray(start + values[0] + columns @ (units * values[1:]))

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        eta = logits(values)
        loss = float(weight @ (np.logaddexp(0.0, eta) - label * eta)) + 0.5 * float(values[1:] @ values[1:])
        slope = weight * (_sigmoid(eta) - label)
        return loss, np.concatenate([[slope.sum()], units * (columns.T @ slope) + values[1:]])

    found = optimize.minimize(
        objective,
        np.zeros(columns.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "ftol": 1e-12},
    )
    return _sigmoid(logits(found.x))


def one_hot(ids: npt.NDArray[np.int64], size: int) -> Any:
    """[rows] to scipy.sparse.csr_matrix [rows, size]."""
    return sparse.csr_matrix((np.ones(len(ids)), (np.arange(len(ids)), ids)), shape=(len(ids), size))


def by_group(group: npt.NDArray[np.int64], columns: FloatArray) -> Any:
    """Columns [rows, K], each group's apart from the others', as scipy.sparse.csr_matrix [rows, groups · K]."""
    rows, width = columns.shape
    places = (group[:, np.newaxis] * width + np.arange(width)).ravel()
    size = (int(group.max()) + 1) * width
    return sparse.csr_matrix((columns.ravel(), places, np.arange(0, rows * width + 1, width)), shape=(rows, size))


def bag_of_words(words: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], size: int) -> Any:
    """Ragged words by their row starts [rows + 1] to their shares in the row, scipy.sparse.csr_matrix [rows, size]."""
    lengths = np.diff(starts)
    return sparse.csr_matrix(
        (1.0 / np.repeat(np.maximum(lengths, 1), lengths), words, starts), shape=(len(lengths), size)
    )


def _sigmoid(eta: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * eta)))
