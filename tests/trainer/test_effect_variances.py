"""Spreads of weights that are known, found again."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.effect_columns import ValueColumns
from trainer.effect_variances import _posterior_spreads, with_estimated_priors
from trainer.plain_effects import Block

ROWS = 20_000


def test_traces_are_those_of_the_inverse() -> None:
    """One-hot columns alone have a diagonal posterior: Σ 1 / (2 k + information of the value)."""
    ids = np.random.default_rng(1).integers(0, 400, ROWS)
    information = np.full(ROWS, 0.1)
    (found,) = _posterior_spreads([Block(ValueColumns(ids, 400), 3.0)], information, np.random.default_rng(2))
    exact = (1.0 / (6.0 + 0.1 * np.bincount(ids, minlength=400))).sum()
    assert found == pytest.approx(exact, rel=0.12)  # 1,600 squares: ± 3.5 %


def test_of_two_columns_that_tell_the_same_one_gets_it() -> None:
    """Sites differ (τ = 0.6) and lie in categories, which add nothing; page views say nothing at all."""
    generator = np.random.default_rng(5)
    site, page = generator.integers(0, 60, ROWS), generator.integers(0, 60, ROWS)
    category = site // 3
    logit = -2.0 + generator.normal(0.0, 0.6, 60)[site]
    label = (generator.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    blocks = [Block(ValueColumns(ids, 60), 2.0) for ids in (site, category, page)]
    found = with_estimated_priors(blocks, label, np.ones(ROWS), [False] * 3, seed=1)
    spreads = [(0.5 / block.prior) ** 0.5 for block in found]
    assert 0.45 < spreads[0] < 0.75
    assert spreads[1] < 0.25
    assert spreads[2] < 0.1


def test_fixed_blocks_keep_their_prior() -> None:
    ids = np.arange(100) % 4
    label = (ids == 1).astype(np.float64)
    found = with_estimated_priors([Block(ValueColumns(ids, 4), 7.0)], label, np.ones(100), [True], seed=1)
    assert found[0].prior == 7.0


def test_values_that_no_row_has_do_not_matter() -> None:
    """40 sites with spread 0.8, in a table of 40 and in one of 20,000, from a first guess that is far off."""
    generator = np.random.default_rng(3)
    site = generator.integers(0, 40, ROWS)
    logit = -1.0 + generator.normal(0.0, 0.8, 40)[site]
    label = (generator.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.float64)

    def prior(size: int) -> float:
        blocks = [Block(ValueColumns(site, size), 20.0)]
        return with_estimated_priors(blocks, label, np.ones(ROWS), [False], seed=1)[0].prior

    assert prior(20_000) == pytest.approx(prior(40), rel=0.1)  # each draws its own numbers


def test_a_block_without_any_row_keeps_its_prior() -> None:
    label = (np.arange(100) % 2).astype(np.float64)
    nothing = Block(ValueColumns(np.zeros(100, np.int64), 4, np.zeros(100)), 7.0)
    assert with_estimated_priors([nothing], label, np.ones(100), [False], seed=1)[0].prior == 7.0
