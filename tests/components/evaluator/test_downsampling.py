"""Thinned negatives: rows weighed back."""

from __future__ import annotations

import numpy as np
import pytest

from components.evaluator.downsampling import Thinning, restored_rows
from components.evaluator.tfma_extractors import weighed_back


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
        restored_rows(np.array([0.0]), None, share)


@pytest.mark.parametrize(("weighted", "own", "expected"), [(False, 0.0, [5.0, 1.0]), (True, 3.0, [15.0, 3.0])])
def test_stock_tfma_gets_the_same_label_and_weight(weighted: bool, own: float, expected: list[float]) -> None:
    """A fifth kept: a non-click of weight 3 stands for 15 impressions. Without a weight the stand-in's 0 is ignored."""
    for label, weight in zip((0.0, 1.0), expected, strict=True):
        row = {"labels": np.array([label]), "example_weights": np.array([own]), "predictions": np.array([0.1])}
        found = weighed_back(row, Thinning(0.2, weighted))
        assert (found["labels"].tolist(), found["example_weights"].tolist()) == ([label], [pytest.approx(weight)])
        assert found["predictions"] is row["predictions"]
        both = {
            **row,
            **{name: {"candidate": row[name], "baseline": row[name]} for name in ("labels", "example_weights")},
        }
        assert weighed_back(both, Thinning(0.2, weighted))["example_weights"] == {
            "candidate": found["example_weights"],
            "baseline": found["example_weights"],
        }
