"""Thinned negatives: probabilities put back, rows weighed back."""

from __future__ import annotations

import numpy as np
import pytest

from components.evaluator.downsampling import corrected_probability, restored_rows


def test_the_probability_is_corrected_by_hand() -> None:
    """A tenth of the negatives kept, a click rate of 0.1 became 1 in 1.9: 0.526315…; back to 0.1."""
    assert corrected_probability(np.array([1 / 1.9]), 0.1)[0] == pytest.approx(0.1)
    score = np.array([0.2, 0.7])
    assert corrected_probability(score, 1.0) == pytest.approx(score)


def test_thinned_rows_have_the_click_rate_of_all() -> None:
    """2 clicks and 98 of 980 non-clicks, kept by a tenth: 2 of 982."""
    label = np.repeat([1.0, 0.0], [2, 98])
    restored, weight = restored_rows(label, None, 0.1)
    assert (weight * restored).sum() / weight.sum() == pytest.approx(2 / 982)


def test_a_row_of_several_impressions_is_restored_in_parts() -> None:
    """1 click of 5, the 4 others stand for 8: weight 9, label 1/9. No weight stays none."""
    label, weight = restored_rows(np.array([0.2, 0.0]), np.array([5.0, 0.0]), 0.5)
    assert weight == pytest.approx([9.0, 0.0])
    assert label == pytest.approx([1 / 9, 0.0])


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_outside_its_range_is_named(share: float) -> None:
    with pytest.raises(ValueError, match=f"kept_share is {share}"):
        corrected_probability(np.array([0.5]), share)
