"""Logistic regression with a Gaussian prior for each block of weights: the wide part, and the ground for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

from trainer.effect_columns import Columns

ITERATIONS = 1000
TOLERANCE = 1e-13
"""Of the objective, relative. At 1e-9, which takes a third fewer steps, the rounding of one processor's BLAS against
another's moved probabilities by 2e-5; so by 1e-7."""
GRADIENT_TOLERANCE = 1e-8
FloatArray = npt.NDArray[np.float64]


class Block(NamedTuple):
    """Columns that share a prior."""

    columns: Columns
    prior: float
    """k in the penalty k · w²; positive."""


class PlainFit(NamedTuple):
    """The likeliest weights."""

    bias: float
    weights: list[FloatArray]
    """By block, [weights] each."""
    probabilities: FloatArray
    """Of the rows themselves, [rows]."""


def fit_weights(
    blocks: Sequence[Block],
    label: FloatArray,
    weight: FloatArray,
    start: PlainFit | None = None,
    means: Sequence[FloatArray] | None = None,
) -> PlainFit:
    """Weights of least loss; label in [0, 1] and weight ≥ 0 with a positive sum, both [rows].

    `start`: a fit of the first of these blocks, from which fewer steps are left. `means`: what the priors hold the
    weights to, by block; zeros without.

    L-BFGS (Liu and Nocedal 1989, doi 10.1007/BF01589116) on weights in units of what is known about each, prior and
    rows together, which makes the problem round. Weights that no row has stay at their means and cost no step.
    """
    rate = float(np.clip(np.average(label, weights=weight), 1e-6, 1.0 - 1e-6))
    base = float(np.log(rate) - np.log1p(-rate))
    information = weight * (rate * (1.0 - rate))
    prior = np.concatenate([np.full(block.columns.width, 2.0 * block.prior) for block in blocks])
    told = np.concatenate([block.columns.diagonal(information) for block in blocks])
    seen = np.flatnonzero(told > 0.0)
    known = prior[seen] + told[seen]
    units, held = known**-0.5, prior[seen] / known
    centre = np.zeros(len(prior)) if means is None else np.concatenate([one.ravel() for one in means])
    ends = np.cumsum([block.columns.width for block in blocks])[:-1]

    def weights_of(values: FloatArray) -> list[FloatArray]:
        weights = centre.copy()
        weights[seen] += units * values[1:]
        return np.split(weights, ends)

    def logits(values: FloatArray) -> FloatArray:
        return np.asarray(base + values[0] + logits_of(blocks, weights_of(values)))

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        eta = logits(values)
        pulled = held * values[1:]
        loss = float(weight @ (np.logaddexp(0.0, eta) - label * eta)) + 0.5 * float(values[1:] @ pulled)
        slope = weight * (_sigmoid(eta) - label)
        gradient = np.concatenate([block.columns.gradient(slope) for block in blocks])
        return loss, np.concatenate([[slope.sum()], units * gradient[seen] + pulled])

    first = np.zeros(len(seen) + 1)
    if start is not None:
        before = np.concatenate(start.weights)
        first[0] = start.bias - base
        both = seen[seen < len(before)]
        first[1 : 1 + len(both)] = (before[both] - centre[both]) / units[: len(both)]
    options = {"maxiter": ITERATIONS, "ftol": TOLERANCE, "gtol": GRADIENT_TOLERANCE, "maxcor": 20}
    found = optimize.minimize(objective, first, jac=True, method="L-BFGS-B", options=options)
    return PlainFit(base + float(found.x[0]), weights_of(found.x), _sigmoid(logits(found.x)))


def logits_of(blocks: Sequence[Block], weights: Sequence[FloatArray]) -> FloatArray:
    """Without a bias, [rows]."""
    total: FloatArray = np.sum(
        [block.columns.logits(one) for block, one in zip(blocks, weights, strict=True)], axis=0, dtype=np.float64
    )
    return total


def _sigmoid(eta: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * eta)))
