"""Spreads of weights that are known, found again."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.effect_columns import ValueColumns
from trainer.effect_variances import DRAWS, _next_prior, _posterior_spreads, with_estimated_priors
from trainer.plain_effects import Block

ROWS = 20_000


def test_traces_are_those_of_the_inverse() -> None:
    """One-hot columns alone have a diagonal posterior: Σ 1 / (2 k + information of the value)."""
    ids = np.random.default_rng(1).integers(0, 400, ROWS)
    information = np.full(ROWS, 0.1)
    (found,) = _posterior_spreads([Block(ValueColumns(ids, 400), 3.0)], information, np.random.default_rng(2))
    exact = (1.0 / (6.0 + 0.1 * np.bincount(ids, minlength=400))).sum()
    assert found == pytest.approx(exact, rel=0.12)  # 1,600 squares: ± 3.5 %


def test_where_rows_say_little_the_trace_is_nearly_exact() -> None:
    """50 rows of information 0.1 in 400 values: Σ 1 / (2 k + I), where draws alone would be off by √(2 / 1,600)."""
    ids = np.random.default_rng(1).integers(0, 400, 50)
    seen = np.bincount(ids, minlength=400)
    exact = (1.0 / (6.0 + 0.1 * seen[seen > 0])).sum()
    block = Block(ValueColumns(ids, 400), 3.0)
    spreads = [_posterior_spreads([block], np.full(50, 0.1), np.random.default_rng(seed))[0] for seed in range(20)]
    off_of_draws = np.sqrt(2.0 / (DRAWS * (seen > 0).sum()))
    assert np.std(spreads) / exact < 0.5 * off_of_draws
    assert np.mean(spreads) == pytest.approx(exact, rel=0.05)


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


def test_an_expected_spread_is_the_root_of_its_equation() -> None:
    """Three weights with |w|² = 0.5, tr C = 1.5, so S = 2: τ⁴ + 2 τ² - 2 = 0, τ² = √3 - 1, where S / 3 = 0.667.

    At k = 0.5 all of the three weights but 3 - 1.5 = 1.5 are determined, and a step is 3 / 1.5 = twice as long:
    k = 0.5 / 0.732² = 0.933, against 0.5 / 0.667² = 1.125.
    """
    weights = np.array([0.5, 0.5, 0.0])
    assert _next_prior(0.5, weights, 1.5, expected=True) == pytest.approx(0.5 / (np.sqrt(3.0) - 1.0) ** 2)
    assert _next_prior(0.5, weights, 1.5, expected=False) == pytest.approx(1.125)


def test_few_clicks_do_not_take_an_expected_feature_out() -> None:
    """30 tables of 8,000 rows and 40 clicks, 200 sites that differ by 0.7: the spread is found between 0.3 and 1.

    Without the expectation, from a strong first guess, the rows seldom say enough to leave it.
    """
    spreads: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(30):
        generator = np.random.default_rng(seed)
        site = generator.choice(200, 8_000, p=(1 / np.arange(1, 201)) / (1 / np.arange(1, 201)).sum())
        odds = np.exp(generator.normal(-5.6, 0.7, 200))[site]
        label = (generator.random(8_000) < odds / (1 + odds)).astype(np.float64)
        for expected, found in spreads.items():
            blocks = [Block(ValueColumns(site, 200), 60.0)]
            prior = with_estimated_priors(blocks, label, np.ones(8_000), [False], 1, expected=[expected])[0].prior
            found.append((0.5 / prior) ** 0.5)
    assert np.mean([0.3 < one <= 1.0 for one in spreads[True]]) > 0.9
    assert np.mean([one < 0.3 for one in spreads[False]]) > 0.4


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
