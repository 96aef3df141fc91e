"""Logistic regression with a prior for each block."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.effect_columns import ValueColumns
from trainer.plain_effects import Block, fit_weights, logits_of


def test_without_a_prior_to_speak_of_groups_get_their_own_rates() -> None:
    group, label = np.repeat([0, 1], 10), np.array([1.0] * 2 + [0.0] * 8 + [1.0] * 6 + [0.0] * 4)
    blocks = [Block(ValueColumns(group, 2), 1e-9)]
    fitted = fit_weights(blocks, label, np.ones(20))
    assert fitted.probabilities[[0, 10]] == pytest.approx([0.2, 0.6], abs=1e-3)
    logits = fitted.bias + logits_of(blocks, fitted.weights)
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(fitted.probabilities, abs=1e-9)


def test_weights_count() -> None:
    """Clicks of weight 3 among four rows, one other of weight 1: 3 / 4."""
    blocks = [Block(ValueColumns(np.zeros(2, np.int64), 1), 1.0)]
    fitted = fit_weights(blocks, np.array([1.0, 0.0]), np.array([3.0, 1.0]))
    assert fitted.probabilities == pytest.approx([0.75, 0.75], abs=1e-4)


GROUP = np.repeat([0, 1], [10, 20_000])
LABEL = np.concatenate([np.ones(10), np.tile([0.0, 1.0], 10_000)])
FIRST_ALONE = Block(ValueColumns(np.zeros(20_010, np.int64), 1, (GROUP == 0).astype(np.float64)), 5.0)


def test_the_prior_is_half_an_inverse_variance() -> None:
    """One group of ten rows beside one so large that it fixes the rate at 1/2. At the optimum the group's weight w has
    Σ (label - p) = 2 k w; all ten clicked and k = 5: 10 (1 - σ(w)) = 10 w, so w = 0.4012."""
    fitted = fit_weights([FIRST_ALONE], LABEL, np.ones(len(LABEL)))
    assert fitted.weights[0] == pytest.approx([0.4012], abs=5e-3)


def test_a_prior_holds_to_its_mean() -> None:
    """10 (1 - σ(w)) = 10 (w - 1): 1 - σ(w) = w - 1 at w = 1.2213, where σ = 0.7723 and 1 - σ = 0.2277."""
    fitted = fit_weights([FIRST_ALONE], LABEL, np.ones(len(LABEL)), means=[np.array([1.0])])
    assert fitted.weights[0] == pytest.approx([1.2268], abs=1e-2)


def test_a_start_changes_the_way_and_not_the_end() -> None:
    generator = np.random.default_rng(1)
    ids = [generator.integers(0, 8, 500) for _ in range(2)]
    label = (generator.random(500) < 0.2 + 0.3 * (ids[0] > 4)).astype(np.float64)
    blocks = [Block(ValueColumns(one, 8), 2.0) for one in ids]
    start = fit_weights(blocks[:1], label, np.ones(500))
    alone = fit_weights(blocks, label, np.ones(500))
    assert fit_weights(blocks, label, np.ones(500), start).probabilities == pytest.approx(alone.probabilities, abs=1e-3)


def test_weights_that_no_row_has_stay_at_their_means() -> None:
    """Of four values rows have the first and the last, as in a table of those two alone."""
    label = np.tile([1.0, 0.0, 0.0], 40)
    ids = np.repeat([0, 1], [30, 90])
    two = fit_weights([Block(ValueColumns(ids, 2), 2.0)], label, np.ones(120), means=[np.array([0.5, 1.0])])
    start = fit_weights([Block(ValueColumns(3 * ids, 4), 9.0)], label, np.ones(120))
    means = [np.array([0.5, -7.0, 8.0, 1.0])]
    four = fit_weights([Block(ValueColumns(3 * ids, 4), 2.0)], label, np.ones(120), start, means)
    assert four.weights[0] == pytest.approx([two.weights[0][0], -7.0, 8.0, two.weights[0][1]], abs=1e-6)
