"""How far the weights of each block spread, judged with all blocks at once: empirical Bayes for the wide weights.

A test of one block alone credits it with what another explains too. Here the rows' likelihood decides between them,
the weights integrated out: the EM algorithm for variance components with τ² = (|w|² + tr C) / weights, where w are the
likeliest weights and C their posterior covariance by Laplace's approximation (Dempster, Laird and Rubin 1977, section
4.4; for generalised linear models Schall 1991, doi 10.1093/biomet/78.4.719). C is never formed, but drawn from
(trainer/posterior_draws.py).

Weights that no row has are left out: each has w = 0 and C = τ², which leaves the answer and slows the way to it.

Few clicks hardly tell small spreads from none, and the likeliest spread is then often zero, which takes the feature out
of the model. That a feature of the table tells something is expected: its spread has the prior τ · exp(-τ² / 2 s²),
which is zero at zero, as of Chung et al. 2013, doi 10.1007/s11336-013-9328-2, and hardly felt where the rows determine
several weights. A pair that was picked among hundreds has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.effect_prior import WEAKEST
from trainer.plain_effects import Block, PlainFit, fit_weights
from trainer.posterior_draws import PosteriorDraws

ROUNDS = 8
"""After four, priors of pairs are still on their way: on 9 simulated samples four more lowered the log loss in each."""
DRAWS = 4
FIRST_PRIOR = 2.0
"""Of expected blocks, at most: EM comes down from a wide spread within rounds and hardly climbs out of a narrow one."""
GREATEST_STRETCH = 20.0
"""Steps of EM go in the right direction and are short where the rows say little; in the variance's logarithm they are
made longer by weights / (weights that the rows determine), at most so much."""
EXPECTED_VARIANCE = 0.5 / WEAKEST
"""s², on the logit."""
STRONGEST = 1e6
"""Weights of a prior so strong are nothing."""
FloatArray = npt.NDArray[np.float64]


def with_estimated_priors(
    blocks: Sequence[Block],
    label: FloatArray,
    weight: FloatArray,
    fixed: Sequence[bool],
    seed: int,
    start: PlainFit | None = None,
    expected: Sequence[bool] | None = None,
) -> list[Block]:
    """The blocks with the priors that the rows suggest; `fixed` ones keep theirs. `start`: as fit_weights takes it.

    `expected`: which tell something before any row was looked at; none without.
    """
    fit = start
    generator = np.random.default_rng(seed)
    tells = [False] * len(blocks) if expected is None else list(expected)
    found = [
        block._replace(prior=min(block.prior, FIRST_PRIOR)) if one and not held else block
        for block, one, held in zip(blocks, tells, fixed, strict=True)
    ]
    seen = [block.columns.diagonal(weight) > 0.0 for block in blocks]
    for _ in range(ROUNDS):
        fit = fit_weights(found, label, weight, fit)
        information = weight * fit.probabilities * (1.0 - fit.probabilities)
        spreads = _posterior_spreads(found, information, generator)
        for index, (block, weights, spread) in enumerate(zip(found, fit.weights, spreads, strict=True)):
            if not fixed[index] and seen[index].any():
                found[index] = block._replace(
                    prior=_next_prior(block.prior, weights[seen[index]], spread, tells[index])
                )
    return found


def _next_prior(prior: float, weights: FloatArray, spread: float, expected: bool) -> float:
    """`spread`: trace of the weights' posterior covariance.

    With S = |w|² + tr C, the M step makes τ^-n · exp(-S / 2 τ²) greatest, or its product with the spread's prior.
    """
    precision = 2.0 * prior / len(weights)
    total = float(weights @ weights) + spread
    variance = total / len(weights)
    if expected:
        others = len(weights) - 1
        variance = 2.0 * total / (others + np.sqrt(others**2 + 4.0 * total / EXPECTED_VARIANCE))
    ratio = 2.0 * prior * variance
    determined = 1.0 - precision * spread
    stretch = 1.0 / max(determined, 1.0 / GREATEST_STRETCH)
    return float(np.clip(prior * ratio**-stretch, WEAKEST, STRONGEST))


def _posterior_spreads(blocks: Sequence[Block], information: FloatArray, generator: np.random.Generator) -> list[float]:
    """Trace of the posterior covariance of the weights that rows have, by block, estimated from DRAWS draws.

    A draw's part that comes from the prior's noise alone has a variance that is known, and takes its place: what is
    left is small both where the rows say little and where they say much.
    """
    posterior = PosteriorDraws(blocks, information)
    seen, units, curvature = posterior.seen, posterior.units, posterior.curvature
    if not len(seen):
        return [0.0] * len(blocks)
    squares = np.zeros(posterior.width)
    for _ in range(DRAWS):
        weights, noise = posterior.draw(generator)
        squares[seen] += (np.square(weights) - np.square(units / curvature) * (np.square(noise) - 1.0)) / DRAWS
    # No weight is known better than its own rows and prior tell it with all others given, which noise may undercut.
    least = np.zeros(posterior.width)
    least[seen] = units**2 / curvature
    parts = zip(posterior.split(squares), posterior.split(least), strict=True)
    return [max(float(drawn.sum()), float(bound.sum())) for drawn, bound in parts]
