"""Areas under the ROC curve by hand."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.truth import auc, soft_auc


def test_auc_counts_pairs_and_halves_ties() -> None:
    labels = [1, 1, 0, 0, 0]
    scores = [0.9, 0.5, 0.5, 0.2, 0.7]
    # pairs (click, non-click): 0.9 beats all three; 0.5 ties with 0.5, beats 0.2, loses to 0.7
    assert auc(labels, scores) == pytest.approx((3 + (0.5 + 1 + 0)) / 6)


def test_auc_depends_on_order_alone() -> None:
    labels, scores = [0, 1, 0, 1, 1], np.array([0.1, 0.4, 0.35, 0.8, 0.3])
    assert auc(labels, scores) == auc(labels, np.exp(5 * scores)) == 1 - auc(labels, -scores)


def test_constant_scores_rank_nothing() -> None:
    assert auc([0, 1, 1, 0], [3, 3, 3, 3]) == 0.5
    assert soft_auc([0.1, 0.9, 0.4], [3, 3, 3]) == pytest.approx(0.5)


def test_soft_auc_weighs_each_row_as_both() -> None:
    # rows p = 0.8 (scored higher) and 0.3; click weights 0.8, 0.3, non-click weights 0.2, 0.7
    # higher row's click over lower row's non-click: 0.8 * 0.7
    # each row ties with itself: (0.8 * 0.2 + 0.3 * 0.7) / 2
    expected = (0.8 * 0.7 + (0.8 * 0.2 + 0.3 * 0.7) / 2) / ((0.8 + 0.3) * (0.2 + 0.7))
    assert soft_auc([0.8, 0.3], [2.0, 1.0]) == pytest.approx(expected)


def test_soft_auc_of_certain_probabilities_is_the_auc() -> None:
    labels, scores = [1, 0, 0, 1], [0.6, 0.6, 0.1, 0.3]
    assert soft_auc(labels, scores) == auc(labels, scores) == pytest.approx((0.5 + 1 + 0 + 1) / 4)


def test_sampled_labels_average_to_the_soft_auc() -> None:
    rng = np.random.default_rng(3)
    probability = rng.beta(1, 6, 4_000)
    scores = probability + rng.normal(0, 0.05, 4_000)
    sampled = [auc(rng.random(4_000) < probability, scores) for _ in range(60)]
    standard_error = np.std(sampled) / np.sqrt(len(sampled))
    assert abs(np.mean(sampled) - soft_auc(probability, scores)) < 4 * standard_error


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 2], [0.1, 0.2], r"labels must be 0 or 1, got 2\.0"),
        ([0, 1], [0.1], r"one length, got \(2,\) and \(1,\)"),
        ([0, 1], [0.1, float("nan")], "scores must be finite, got nan"),
        ([0, 0], [0.1, 0.2], "must hold clicks and non-clicks, got only non-clicks"),
        ([1, 1], [0.1, 0.2], "must hold clicks and non-clicks, got only clicks"),
    ],
)
def test_auc_refuses(labels: list[float], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc(labels, scores)


def test_soft_auc_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match=r"click_probability must lie in \[0, 1\], got 1\.2"):
        soft_auc([0.3, 1.2], [1, 2])
    with pytest.raises(ValueError, match=r"click_probability must lie in \[0, 1\], got nan"):
        soft_auc([0.3, float("nan")], [1, 2])
