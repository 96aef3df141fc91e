"""Draws against covariances that are small enough to write out."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.effect_columns import NumberColumns, ValueColumns
from trainer.plain_effects import Block
from trainer.posterior_draws import PosteriorDraws

GENERATOR = np.random.default_rng(4)
IDS = GENERATOR.integers(0, 3, 60)
NUMBERS = GENERATOR.normal(size=(60, 2))
INFORMATION = GENERATOR.uniform(0.05, 0.25, 60)
BLOCKS = [Block(ValueColumns(IDS, 4), 3.0), Block(NumberColumns(NUMBERS), 0.5)]


def test_draws_have_the_inverse_of_the_curvature_as_covariance() -> None:
    posterior = PosteriorDraws(BLOCKS, INFORMATION)
    assert posterior.seen.tolist() == [0, 1, 2, 4, 5]  # no row has the fourth value
    matrix = np.concatenate([np.eye(3)[IDS], NUMBERS], 1)
    curvature = matrix.T @ (matrix * INFORMATION[:, None]) + np.diag([6.0] * 3 + [1.0] * 2)  # 2 k of each block
    generator = np.random.default_rng(5)
    drawn = np.stack([posterior.draw(generator)[0] for _ in range(4_000)])
    assert drawn.mean(0) == pytest.approx(np.zeros(5), abs=0.03)
    # of 4,000 draws a variance is known to √(2 / 4,000) = 2.2 %
    assert np.cov(drawn.T) == pytest.approx(np.linalg.inv(curvature), rel=0.1, abs=0.01)


def test_weights_are_given_back_block_by_block() -> None:
    posterior = PosteriorDraws(BLOCKS, INFORMATION)
    assert [one.tolist() for one in posterior.split(np.arange(6.0))] == [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0]]


def test_units_are_the_priors_and_curvature_is_within_them() -> None:
    posterior = PosteriorDraws(BLOCKS[:1], INFORMATION)
    assert posterior.units == pytest.approx([6.0**-0.5] * 3)  # 2 k = 6 is the inverse of the prior's variance
    told = np.bincount(IDS, INFORMATION, 3)
    assert posterior.curvature == pytest.approx(1.0 + told / 6.0)
