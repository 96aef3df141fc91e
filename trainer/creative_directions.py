"""In which directions of the creative's features its effects lie: learnt from all of its blocks together.

What a picture does on its own, on each device and to each segment are sets of weights on the same K features, and few
directions matter in any of them. With weights w ~ N(0, τ² Σ), τ² of the block and Σ [K, K] of all sets of all blocks
(Efron and Morris 1972, "Empirical Bayes on vector observations", doi 10.1093/biomet/59.2.335), the EM algorithm for
variance components as in trainer/effect_variances.py takes

    Σ  = (Σ over sets of E[w wᵀ] / τ² + K · I) / (sets + K),  scaled to a trace of K
    τ² = Σ over the block's sets of tr(Σ⁻¹ E[w wᵀ]) / (K · the block's sets)

where K · I says beforehand that all directions are alike, as K sets would. Features times A, A Aᵀ = Σ, have weights of
one spread again, so that nothing else needs to know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.effect_columns import CreativeColumns
from trainer.effect_prior import WEAKEST
from trainer.effect_variances import STRONGEST
from trainer.plain_effects import Block, PlainFit, fit_weights
from trainer.posterior_draws import PosteriorDraws

ROUNDS = 4
"""With twice as many, and twice the draws, the share of simulated samples was the same to 0.0003."""
DRAWS = 4
FloatArray = npt.NDArray[np.float64]


def with_shared_directions(
    blocks: Sequence[Block], label: FloatArray, weight: FloatArray, seed: int
) -> tuple[list[Block], FloatArray | None]:
    """The blocks with the creative's features turned and with priors to suit, and what the features were multiplied by.

    label in [0, 1] and weight ≥ 0, both [rows]. A single set of weights has none to learn from: without a second one
    the blocks stay as they are, and there is no matrix.
    """
    found = list(blocks)
    columns = {i: block.columns for i, block in enumerate(blocks) if isinstance(block.columns, CreativeColumns)}
    seen = {i: one.diagonal(weight).reshape(-1, one.features).any(1) for i, one in columns.items()}
    sets = {i: one for i, one in seen.items() if one.any()}
    counts = {i: int(one.sum()) for i, one in sets.items()}
    if sum(counts.values()) < 2:
        return found, None
    features = columns[next(iter(sets))].features
    generator = np.random.default_rng(seed)
    root = np.eye(features)
    fit: PlainFit | None = None
    for _ in range(ROUNDS):
        fit = fit_weights(found, label, weight, fit)
        squares = _expected_squares(found, fit, weight, sets, generator)
        spreads = {i: 0.5 / found[i].prior for i in sets}
        scaled = sum((squares[i] / spreads[i] for i in sets), np.zeros((features, features)))
        covariance = (root @ scaled @ root.T + features * np.eye(features)) / (sum(counts.values()) + features)
        before, root = root, np.linalg.cholesky(covariance * (features / np.trace(covariance)))
        step = np.linalg.solve(root, before)  # weights on the features as they were to those on the turned ones
        weights = list(fit.weights)
        for i, count in counts.items():
            prior = 0.5 * features * count / float(np.trace(step @ squares[i] @ step.T))
            found[i] = Block(columns[i].turned(root), float(np.clip(prior, WEAKEST, STRONGEST)))
            weights[i] = (fit.weights[i].reshape(-1, features) @ step.T).ravel()
        fit = fit._replace(weights=weights)
    return found, root


def _expected_squares(
    blocks: Sequence[Block],
    fit: PlainFit,
    weight: FloatArray,
    sets: dict[int, npt.NDArray[np.bool_]],
    generator: np.random.Generator,
) -> dict[int, FloatArray]:
    """Σ over the sets that rows have of E[w wᵀ] under the posterior, [K, K], by block. `sets`: [groups], by block."""

    def squares(by_block: Sequence[FloatArray]) -> dict[int, FloatArray]:
        found = {}
        for i, seen in sets.items():
            rows = by_block[i].reshape(len(seen), -1)[seen]  # [sets, K]
            found[i] = rows.T @ rows
        return found

    total = squares(fit.weights)
    posterior = PosteriorDraws(blocks, weight * fit.probabilities * (1.0 - fit.probabilities))
    for _ in range(DRAWS):
        drawn = np.zeros(posterior.width)
        drawn[posterior.seen] = posterior.draw(generator)[0]
        for i, one in squares(posterior.split(drawn)).items():
            total[i] = total[i] + one / DRAWS
    return total
