"""The score test of a block of weights, and the pairs that are worth one."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.paired_effects import MAX_ROWS, MAX_WEIGHTS, candidates, greatest_chance, score_test, some_rows


def test_two_groups_by_hand() -> None:
    """p = 1/2 in four rows, each of the two groups has two, labels 1, 1 and 0, 0: residuals 1/2, 1/2 and -1/2, -1/2.

    U = 2 · 1/4 in each group, 1 in all. A pair has the variance 4 · (1/4)² = 1/4: 1/2 in all, and the score is √2.
    τ² adds 2 · (1/4)² in each group: τ² = 1 / (1/4) = 4. At p = 1/2 U has no third moment, and Φ(-√2) = 0.0786.
    """
    group, ones, label = np.array([0, 0, 1, 1]), np.ones((4, 1)), np.array([1.0, 1.0, 0.0, 0.0])
    found = score_test(group, ones, label, np.full(4, 0.5), np.ones(4))
    assert found == pytest.approx((np.sqrt(2.0), 4.0, 0.0786), rel=1e-3)


def test_several_columns_count_their_covariance_too() -> None:
    """One group, columns (1, 1) in each of eight rows, all clicked at p = 1/2: totals (4, 4), U = 32 - 8 · 2/4 = 28.

    F = [[2, 2], [2, 2]], |F|² = 16, single rows 8 · (1/4)² · 4 = 2: variance 2 · 14 = 28, score √28, τ² = 28 / 14 = 2.
    Rings: tr F³ = 64, less 3 · 8 with two of three the same, and 2 · 8 · (1/4)³ · 8 = 2 back: 42. Third moment 8 · 42:
    a gamma variable of scale 336 / 56 = 6 and shape 28 / 36, which exceeds 28 + 28 / 6 with probability 0.0024.
    """
    found = score_test(np.zeros(8, np.int64), np.ones((8, 2)), np.ones(8), np.full(8, 0.5), np.ones(8))
    assert found == pytest.approx((28**0.5, 2.0, 0.002406), rel=1e-3)


def test_clicks_that_meet_by_hand() -> None:
    """Two rows of one group, p = 0.1, both clicked: U = 2 · 0.81 = 1.62, which has the probability 0.01.

    Variance 4 · 0.09² = 0.0324, score 9; third moment 8 · (0.09 · 0.8)² = 0.041472: scale 0.64, which is the step, and
    shape 0.0791. Beyond 1.62 - 0.64 + 0.0506 = 1.0306 lies 0.0075, of which E₁(1.61) · 0.0791 = 0.0067 is the bulk.
    """
    found = score_test(np.zeros(2, np.int64), np.ones((2, 1)), np.ones(2), np.full(2, 0.1), np.ones(2))
    assert found == pytest.approx((9.0, 1.62 / 0.0162, 0.0075), rel=0.01)


def test_aggregated_rows_are_their_impressions() -> None:
    """Three rows of 2 impressions, 1 clicked each, are six rows of one in every figure."""
    group, rate = np.array([0, 0, 1]), np.array([0.2, 0.25, 0.3])
    together = score_test(group, np.ones((3, 1)), np.full(3, 0.5), rate, np.full(3, 2.0), aggregated=True)
    apart = score_test(np.repeat(group, 2), np.ones((6, 1)), np.tile([1.0, 0.0], 3), np.repeat(rate, 2), np.ones(6))
    assert together.score != 0.0
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
        rate = np.full(len(label), label.mean())
        scores.append(score_test(group, np.ones((20_000, 1)), label, rate, np.ones(20_000)).score)
    assert np.mean(scores) == pytest.approx(0.0, abs=0.2)  # 300 draws: ± 0.06
    assert np.std(scores) == pytest.approx(1.0, abs=0.15)  # ± 0.04


@pytest.mark.parametrize("groups", [4, 400])
def test_a_chance_is_what_it_says_also_of_few_clicks(groups: int) -> None:
    """40 clicks without any effect: of 2,000 draws 2 % have a chance below 2 %, 0.5 % one below 0.5 %, or fewer.

    By the score as a normal variable, of 0.5 % there would be more than 1 %.
    """
    generator = np.random.default_rng(1)
    group = generator.integers(0, groups, 4_000)
    chances, scores = [], []
    for _ in range(2_000):
        label = (generator.random(4_000) < 0.01).astype(np.float64)
        found = score_test(group, np.ones((4_000, 1)), label, np.full(4_000, label.mean()), np.ones(4_000))
        chances.append(found.chance)
        scores.append(found.score)
    assert 0.005 < np.mean(np.array(chances) < 0.02) < 0.03  # ± 0.003
    assert np.mean(np.array(chances) < 0.005) < 0.01  # ± 0.0016
    assert np.mean(np.array(scores) > 2.576) > 0.01


def test_a_single_click_tells_of_no_pair() -> None:
    """Three rows of 4,000 lack a number, and one of them is clicked: as a column, the flag meets no other click.

    Nor does a click in a group of one row.
    """
    label, flag = np.zeros(4_000), np.zeros((4_000, 1))
    label[:40], flag[[0, 50, 51]] = 1.0, 1.0
    rate, weight = np.full(4_000, 0.01), np.ones(4_000)
    found = score_test(np.arange(4_000) % 5, flag, label, rate, weight)
    assert found.variance == 0.0
    assert found.chance == 1.0
    assert score_test(np.arange(4_000), np.ones((4_000, 1)), label, rate, weight) == (0.0, 0.0, 1.0)


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
        rate = np.full(len(label), label.mean())
        test = score_test(group, np.ones((20_000, 1)), label, rate, np.ones(20_000))
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
