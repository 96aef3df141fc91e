"""The score test of a block of weights, and the pairs that are worth one."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.paired_effects import MAX_ROWS, MAX_WEIGHTS, candidates, greatest_chance, score_test, some_rows


def test_two_groups_by_hand() -> None:
    """p = 1/2 in four rows. Group 0: labels 1, 1, scores 1/2 + 1/2 = 1; group 1: labels 0, 0, score -1.

    Q = 1 + 1 = 2; by chance Σ p (1 - p) = 4 · 1/4 = 1; F = 1/2 in each group, Σ F² = 1/2. The fourth cumulant
    1/4 · (1 - 6/4) is negative and left out, so that the error is √(2 · 1/2) = 1 and the score (2 - 1) / 1 = 1.
    τ² = (2 - 1) / (1/2) = 2. A χ² of mean 1 and variance 1 is 1/2 times one of 2 degrees: beyond 2 lies e^(-2).
    """
    group, ones = np.array([0, 0, 1, 1]), np.ones((4, 1))
    residual, spread = np.array([0.5, 0.5, -0.5, -0.5]), np.full(4, 0.25)
    assert score_test(group, ones, residual, spread, np.ones(4)) == pytest.approx((1.0, 2.0, np.exp(-2.0)))


def test_several_columns_count_their_covariance_too() -> None:
    """One group, columns (1, 1) in each of eight rows, all clicked at p = 1/2: g = (4, 4), Q = 32.

    By chance 8 · 1/4 · 2 = 4; F = [[2, 2], [2, 2]], |F|² = 16, error √32 = 5.657: score 28 / 5.657 = 4.950,
    τ² = 28 / 16 = 1.75. Of mean 4 and variance 32 is 4 times a χ² of 1 degree: beyond 32 lie 2 Φ(-√8) = 0.00468.
    """
    found = score_test(np.zeros(8, np.int64), np.ones((8, 2)), np.full(8, 0.5), np.full(8, 0.25), np.ones(8))
    assert found == pytest.approx((4.9497, 1.75, 0.00468), rel=1e-3)


def test_aggregated_rows_are_their_impressions() -> None:
    """Three rows of 2 impressions, 1 clicked each, are six rows of one in every figure."""
    group = np.array([0, 0, 1])
    spread, residual = np.array([0.2, 0.2, 0.2]), np.array([0.5, 0.5, 0.5]) - 0.25
    together = score_test(group, np.ones((3, 1)), residual, spread, np.full(3, 2.0), aggregated=True)
    singly = np.tile([0.75, -0.25], 3)
    apart = score_test(np.repeat(group, 2), np.ones((6, 1)), singly, np.repeat(spread, 2), np.ones(6))
    assert together == pytest.approx(apart)


def drawn(seed: int, effect: float, rate: float = 0.05) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]  # of ints and floats
    """20,000 rows in 100 groups whose logits have this spread. Returns group and label."""
    generator = np.random.default_rng(seed)
    group = generator.integers(0, 100, 20_000)
    logit = np.log(rate / (1 - rate)) + generator.normal(0.0, effect, 100)[group]
    return group, (generator.random(20_000) < 1 / (1 + np.exp(-logit))).astype(np.float64)


def test_chance_alone_seldom_passes() -> None:
    """Scores of 300 draws without any effect have mean 0 and spread 1, also where clicks are rare."""
    scores = []
    for seed in range(300):
        group, label = drawn(seed, 0.0)
        spread = np.full(len(label), label.mean() * (1 - label.mean()))
        scores.append(score_test(group, np.ones((20_000, 1)), label - label.mean(), spread, np.ones(20_000)).score)
    assert np.mean(scores) == pytest.approx(0.0, abs=0.2)  # 300 draws: ± 0.06
    assert np.std(scores) == pytest.approx(1.0, abs=0.15)  # ± 0.04


def test_a_chance_is_what_it_says_also_of_few_clicks() -> None:
    """40 clicks, 4 groups, no effect: of 2,000 draws 2 % have a chance below 2 %, 0.5 % one below 0.5 %.

    By the score as a normal variable, of 0.5 % there would be more than 1 %.
    """
    generator = np.random.default_rng(1)
    group = generator.integers(0, 4, 4_000)
    chances, scores = [], []
    for _ in range(2_000):
        label = (generator.random(4_000) < 0.01).astype(np.float64)
        spread = np.full(len(label), label.mean() * (1 - label.mean()))
        found = score_test(group, np.ones((4_000, 1)), label - label.mean(), spread, np.ones(4_000))
        chances.append(found.chance)
        scores.append(found.score)
    assert np.mean(np.array(chances) < 0.02) == pytest.approx(0.02, abs=0.01)  # ± 0.003
    assert np.mean(np.array(chances) < 0.005) == pytest.approx(0.005, abs=0.005)  # ± 0.0016
    assert np.mean(np.array(scores) > 2.576) > 0.01


def test_a_bound_on_the_chance_keeps_the_share_of_false_ones() -> None:
    """Of five, the k-th may be 0.1 · k / 5: 0.001 ≤ 0.02, 0.03 ≤ 0.04, and 0.07 > 0.06, so that two pass below 0.04."""
    assert greatest_chance([0.5, 0.03, 0.9, 0.001, 0.07]) == pytest.approx(0.04)
    assert greatest_chance([0.03, 0.5, 0.9, 0.6, 0.7]) == 0.0  # alone, 0.03 > 0.02
    assert greatest_chance([]) == 0.0


def test_an_effect_is_found_in_its_size() -> None:
    """Spread 0.5, τ² = 0.25: the mean of 20 draws is near it."""
    found = []
    for seed in range(20):
        group, label = drawn(seed, 0.5, rate=0.1)
        spread = np.full(len(label), label.mean() * (1 - label.mean()))
        test = score_test(group, np.ones((20_000, 1)), label - label.mean(), spread, np.ones(20_000))
        assert test.score > 3.0
        found.append(test.variance)
    assert 0.18 < np.mean(found) < 0.35


def test_pairs_of_too_many_combinations_are_no_candidates() -> None:
    ids = {"many": np.zeros(3, np.int64), "few": np.zeros(3, np.int64), "device": np.array([0, 1, 1])}
    sizes = {"many": MAX_WEIGHTS, "few": 5, "device": 2}
    found = list(candidates(ids, sizes, {"bid": np.array([1.0, 2.0, 3.0])}, np.ones((3, 2))))
    assert [(one.first, one.second) for one in found] == [
        ("few", "device"),
        ("many", "bid"),
        ("few", "bid"),
        ("device", "bid"),
        ("few", ""),
        ("device", ""),
        ("bid", ""),
    ]
    assert found[0].group.tolist() == [0, 1, 1]  # 0 · 2 + device
    assert found[-1].columns.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]  # the creative's features, times the bid


def test_columns_of_zeros_say_nothing() -> None:
    assert score_test(np.zeros(4, np.int64), np.zeros((4, 2)), np.ones(4), np.full(4, 0.2), np.ones(4)) == (
        0.0,
        0.0,
        1.0,
    )


def test_rows_are_sampled_beyond_the_limit_only() -> None:
    assert some_rows(10, 1).tolist() == list(range(10))
    taken = some_rows(MAX_ROWS + 5, 1)
    assert len(np.unique(taken)) == MAX_ROWS
