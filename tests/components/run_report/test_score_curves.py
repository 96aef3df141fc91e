"""Points of the curves, by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from components.evaluator.metrics import expected_calibration_error
from components.evaluator.wilson import wilson_interval
from components.run_report.score_curves import (
    POINTS,
    curves,
    gains,
    histogram,
    precision_recall,
    reliability,
    roc,
)

LABEL = np.array([1.0, 0.0, 1.0, 0.0])
SCORE = np.array([0.9, 0.6, 0.6, 0.1])
ONES = np.ones(4)


def test_roc_goes_through_each_distinct_score() -> None:
    """Above 0.9: one click of two, no other. At 0.6: both clicks, one other of two. At 0.1: all."""
    assert roc(LABEL, SCORE, ONES) == {
        "false_positive_rate": [0.0, 0.0, 0.5, 1.0],
        "true_positive_rate": [0.0, 0.5, 1.0, 1.0],
    }


def test_precision_is_the_click_rate_above_the_threshold() -> None:
    """1/1, 2/3, and with all rows 2/4: the last point with full recall is the last one taken."""
    found = precision_recall(LABEL, SCORE, ONES)
    assert found["recall"][:2] == [0.5, 1.0]
    assert found["precision"][:2] == [1.0, pytest.approx(2 / 3, abs=1e-6)]


def test_gains_and_lift() -> None:
    """A quarter of the rows has half of the clicks: lift 2; three quarters have all: 4/3."""
    found = gains(LABEL, SCORE, ONES)
    assert found["share_of_rows"] == [0.0, 0.25, 0.75, 1.0]
    assert found["share_of_clicks"] == [0.0, 0.5, 1.0, 1.0]
    assert found["lift"] == [0.0, 2.0, pytest.approx(4 / 3, abs=1e-5), 1.0]


def test_a_weight_counts_as_so_many_rows() -> None:
    weighted = gains(LABEL, SCORE, np.array([2.0, 1.0, 1.0, 1.0]))
    repeated = gains(np.append(LABEL, 1.0), np.append(SCORE, 0.9), np.ones(5))
    assert weighted == repeated


def test_reliability_has_the_bins_of_the_calibration_error(scores: dict[str, npt.NDArray[np.float64]]) -> None:
    bins = reliability(scores["label"], scores["candidate"], np.ones(len(scores["label"])))
    gap = sum(one["rows"] * abs(one["mean_label"] - one["mean_prediction"]) for one in bins) / len(scores["label"])
    assert gap == pytest.approx(expected_calibration_error(scores["label"], scores["candidate"]), abs=1e-6)
    assert [one["rows"] for one in bins] == [200] * 10
    lowest = np.sort(scores["candidate"])[:200]
    assert bins[0]["mean_prediction"] == pytest.approx(lowest.mean(), rel=1e-5)
    assert all(one["low"] <= one["mean_label"] <= one["high"] for one in bins)


def test_reliability_of_rows_of_several_impressions_is_as_sure_as_the_impressions_spread() -> None:
    """One bin of two rows (10 bins of 20 rows): a rate of 0.1 on 2 · 1,000, the rows 0.09 and 0.11.

    Spread of the rate: √(2 · (1000 · 0.01)²) / 2000 = 0.00707, that of 0.1 · 0.9 / 0.00707² = 1,800 single rows.
    """
    label, score = np.tile([0.09, 0.11], 10), np.repeat(np.linspace(0.05, 0.5, 10), 2)
    for one in reliability(label, score, np.full(20, 1000.0)):
        assert (one["low"], one["high"]) == pytest.approx(wilson_interval(180.0, 1800.0), rel=1e-4)


def test_histogram_shares_sum_to_one(scores: dict[str, npt.NDArray[np.float64]]) -> None:
    found = histogram(scores["label"], scores["candidate"], np.ones(len(scores["label"])))
    assert sum(found["clicks"]) == pytest.approx(1, abs=1e-4)
    assert sum(found["others"]) == pytest.approx(1, abs=1e-4)


def test_thinned_curves_keep_their_area(scores: dict[str, npt.NDArray[np.float64]]) -> None:
    found = curves(scores["label"], scores["candidate"])
    assert len(found["roc"]["true_positive_rate"]) <= POINTS + 3
    area = np.trapz(found["roc"]["true_positive_rate"], found["roc"]["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(scores["label"], scores["candidate"]), abs=1e-3)


def test_one_class_has_no_ranking_but_a_reliability() -> None:
    found = curves(np.zeros(4), SCORE)
    assert (found["roc"], found["precision_recall"], found["gains"]) == (None, None, None)
    assert found["histogram"]["clicks"] is None
    assert [one["rows"] for one in found["reliability"]] == [1, 2, 1]  # equal scores share a bin
