"""Draws from the posterior of a logistic regression's weights, whose covariance is never formed.

With Laplace's approximation a draw is the solution of a sparse system whose right side is drawn (Papandreou and Yuille
2010, "Gaussian sampling by local perturbations").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from trainer.plain_effects import Block, logits_of

SOLVER_STEPS = 60
SOLVER_TOLERANCE = 1e-4
"""Of the residual. The draws' own noise is far greater, but the rounding of one processor's BLAS against another's may
take a step more or less: at 1e-2 that moved a prior by 3e-4 and probabilities by 6e-6, at 1e-4 by 1e-5 and 3e-7."""
FloatArray = npt.NDArray[np.float64]


class PosteriorDraws:
    """Of the weights that rows have, about the likeliest ones."""

    def __init__(self, blocks: Sequence[Block], information: FloatArray) -> None:
        """`information`: weight · p (1 - p) at the likeliest weights, [rows]."""
        self._blocks, self._information = blocks, information
        self._ends = np.cumsum([block.columns.width for block in blocks])[:-1]
        spreads = np.concatenate([np.full(block.columns.width, (2.0 * block.prior) ** -0.5) for block in blocks])
        diagonal = np.concatenate([block.columns.diagonal(information) for block in blocks])
        self.width = len(diagonal)
        self.seen = np.flatnonzero(diagonal > 0.0)
        """Places of the weights that rows have."""
        self.units = spreads[self.seen]
        """Standard deviations of their priors."""
        self.curvature = 1.0 + self.units**2 * diagonal[self.seen]
        """In these units, with all other weights given."""

    def split(self, values: FloatArray) -> list[FloatArray]:
        """[width] by block."""
        return np.split(values, self._ends)

    def draw(self, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Weights less the likeliest, and the prior's part of the noise that they come from; [seen] each."""
        data = np.sqrt(self._information) * generator.standard_normal(len(self._information))
        noise = generator.standard_normal(self.width)[self.seen]
        return self.units * _solution(self._product, self._across(data) + noise, self.curvature), noise

    def _across(self, slope: FloatArray) -> FloatArray:
        gradient = np.concatenate([block.columns.gradient(slope) for block in self._blocks])
        return np.asarray(self.units * gradient[self.seen])

    def _product(self, values: FloatArray) -> FloatArray:
        weights = np.zeros(self.width)
        weights[self.seen] = self.units * values
        return self._across(self._information * logits_of(self._blocks, self.split(weights))) + values


def _solution(product: Callable[[FloatArray], FloatArray], wanted: FloatArray, diagonal: FloatArray) -> FloatArray:
    """Of product(x) = wanted, by conjugate gradients with the diagonal as preconditioner."""
    solution, residual = np.zeros_like(wanted), wanted.copy()
    towards = residual / diagonal
    direction, size = towards.copy(), float(residual @ towards)
    enough = SOLVER_TOLERANCE * float(np.linalg.norm(wanted))
    for _ in range(SOLVER_STEPS):
        image = product(direction)
        step = size / float(direction @ image)
        solution += step * direction
        residual -= step * image
        if float(np.linalg.norm(residual)) < enough:
            break
        towards = residual / diagonal
        before, size = size, float(residual @ towards)
        direction = towards + size / before * direction
    return solution
