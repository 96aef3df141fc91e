"""Logistic regression on sparse columns."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.plain_effects import Block, bag_of_words, by_group, fit_probabilities, one_hot


def test_without_a_prior_to_speak_of_groups_get_their_own_rates() -> None:
    group, label = np.repeat([0, 1], 10), np.array([1.0] * 2 + [0.0] * 8 + [1.0] * 6 + [0.0] * 4)
    fitted = fit_probabilities([Block(one_hot(group, 2), 1e-9)], label, np.ones(20))
    assert fitted[[0, 10]] == pytest.approx([0.2, 0.6], abs=1e-3)


def test_weights_count() -> None:
    """Clicks of weight 3 among four rows, one other of weight 1: 3 / 4."""
    fitted = fit_probabilities(
        [Block(one_hot(np.zeros(2, np.int64), 1), 1.0)], np.array([1.0, 0.0]), np.array([3.0, 1.0])
    )
    assert fitted == pytest.approx([0.75, 0.75], abs=1e-4)


def test_the_prior_is_half_an_inverse_variance() -> None:
    """One group of ten rows beside one so large that it fixes the rate at 1/2. At the optimum the group's weight w has
    Σ (label - p) = 2 k w; all ten clicked and k = 5: 10 (1 - σ(w)) = 10 w, so w = 0.4012."""
    group = np.repeat([0, 1], [10, 20_000])
    label = np.concatenate([np.ones(10), np.tile([0.0, 1.0], 10_000)])
    fitted = fit_probabilities([Block(one_hot(group, 2)[:, :1], 5.0)], label, np.ones(len(label)))
    assert np.log(fitted[0] / (1 - fitted[0])) == pytest.approx(0.4012, abs=5e-3)


def test_columns_by_group_and_words() -> None:
    assert by_group(np.array([1, 0]), np.array([[1.0, 2.0], [3.0, 4.0]])).toarray().tolist() == [
        [0, 0, 1, 2],
        [3, 4, 0, 0],
    ]
    words = bag_of_words(np.array([2, 0, 2]), np.array([0, 2, 2, 3]), 3)  # two words, none, one
    assert words.toarray().tolist() == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
