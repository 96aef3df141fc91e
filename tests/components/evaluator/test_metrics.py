"""Metrics of click predictions: by hand, and against scikit-learn."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from components.evaluator.metrics import FloatArray, auc, click_metrics, expected_calibration_error, lift


def array(*values: float) -> FloatArray:
    return np.array(values, np.float64)


LABEL, SCORE = array(1, 0, 1, 0), array(0.8, 0.4, 0.4, 0.2)


def test_auc_by_hand() -> None:
    """Pairs (click, non-click): 0.8 > 0.4, 0.8 > 0.2, 0.4 = 0.4 (a half), 0.4 > 0.2: 3.5 of 4."""
    assert auc(LABEL, SCORE, np.ones(4)) == 3.5 / 4


def test_auc_weighs_pairs_by_both_weights() -> None:
    """Weights 2, 3, 1, 1: pairs 2·3 + 2·1 + ½·1·3 + 1·1 = 10.5 of (2 + 1)(3 + 1) = 12."""
    assert auc(LABEL, SCORE, array(2, 3, 1, 1)) == pytest.approx(10.5 / 12)


def test_log_loss_entropy_and_calibration_by_hand() -> None:
    """Weights 2, 1, 1, 0: total 4, click rate 3/4, mean score (1.6 + 0.4 + 0.4) / 4 = 0.6.

    Log loss −(2 ln 0.8 + ln 0.6 + ln 0.4) / 4; entropy of 3/4: −(¾ ln ¾ + ¼ ln ¼); calibration 0.6 / 0.75 = 0.8.
    """
    metrics = click_metrics(LABEL, SCORE, array(2, 1, 1, 0))
    loss = -(2 * math.log(0.8) + math.log(0.6) + math.log(0.4)) / 4
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert metrics.log_loss == pytest.approx(loss)
    assert metrics.normalized_entropy == pytest.approx(loss / entropy)
    assert metrics.calibration_ratio == pytest.approx(0.8)
    assert (metrics.mean_label, metrics.mean_prediction) == (0.75, pytest.approx(0.6))
    assert metrics.count == 4


def test_predicting_the_rate_has_a_normalized_entropy_of_one() -> None:
    label = array(1, 0, 0, 0)
    assert click_metrics(label, np.full(4, 0.25)).normalized_entropy == pytest.approx(1.0)


def test_calibration_error_by_hand() -> None:
    """20 rows of scores 0.00, 0.01 … in ten bins of two; the top bin (0.18, 0.19) has two clicks.

    Bins without a click miss by their mean score: 0.005, 0.025, … 0.165, sum 0.765; the top one by 1 − 0.185 = 0.815.
    Mean (0.765 + 0.815) / 10 = 0.158.
    """
    score = np.arange(20) / 100
    label = (score > 0.175).astype(np.float64)
    assert expected_calibration_error(label, score, np.ones(20)) == pytest.approx(0.158)
    shuffled = np.random.default_rng(0).permutation(20)
    assert expected_calibration_error(label[shuffled], score[shuffled], np.ones(20)) == pytest.approx(0.158)


def test_lift_by_hand() -> None:
    """The top 2 of 20 hold 1 click: rate 0.5 against 4 / 20 = 0.2 overall: 2.5.

    With weight 3 for the first row the top tenth is 2.2 of 22, all of that row: rate 1 against 6 / 22.
    """
    score = np.arange(20) / 100
    label = np.zeros(20)
    label[[0, 1, 2, 19]] = 1
    assert lift(label, score, np.ones(20), 0.1) == pytest.approx(2.5)
    weight = np.ones(20)
    weight[19] = 3
    assert lift(label, score, weight, 0.1) == pytest.approx(1 / (6 / 22))


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_leaves_undefined_what_needs_two(label: float) -> None:
    metrics = click_metrics(np.full(5, label), np.linspace(0.1, 0.5, 5))
    assert metrics.auc is None
    assert metrics.normalized_entropy is None
    assert (metrics.lift_at_10pct is None) == (label == 0.0)
    assert (metrics.calibration_ratio is None) == (label == 0.0)
    assert metrics.log_loss is not None
    assert math.isfinite(metrics.log_loss)
    assert (metrics.auc_low, metrics.auc_high) == (None, None)


def test_no_rows_leave_everything_undefined() -> None:
    metrics = dataclasses.asdict(click_metrics(array(), array()))
    assert (metrics.pop("count"), metrics.pop("weight")) == (0, 0.0)
    assert set(metrics.values()) == {None}


def test_certain_and_wrong_is_finite() -> None:
    """Scores are held at 1e-7: −ln 1e-7 = 16.1."""
    assert click_metrics(array(1, 0), array(0, 1)).log_loss == pytest.approx(-math.log(1e-7))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [2, 15], ids=["many ties", "no ties"])
def test_scikit_learn_agrees_on_random_rows(weighted: bool, decimals: int) -> None:
    random = np.random.default_rng(11)
    score = np.clip(random.beta(2, 8, 2_000).round(decimals), 1e-6, 1 - 1e-6)
    label = (random.random(2_000) < score).astype(np.float64)
    weight = random.exponential(size=2_000) if weighted else None
    metrics = click_metrics(label, score, weight)
    assert metrics.auc == pytest.approx(roc_auc_score(label, score, sample_weight=weight), abs=1e-9)
    assert metrics.log_loss == pytest.approx(sklearn_log_loss(label, score, sample_weight=weight), abs=1e-9)


def test_metrics_are_plain_numbers_for_json() -> None:
    label = array(1, 0, 1, 0, 1, 0)
    metrics = dataclasses.asdict(click_metrics(label, array(0.8, 0.4, 0.4, 0.2, 0.3, 0.5), array(2, 1, 1, 1, 1, 1)))
    assert {type(value) for value in metrics.values()} == {float, int}
    assert list(metrics) == [
        "auc",
        "log_loss",
        "normalized_entropy",
        "calibration_ratio",
        "ece",
        "lift_at_10pct",
        "mean_label",
        "mean_prediction",
        "count",
        "weight",
        "auc_low",
        "auc_high",
        "pr_auc",
        "lift_at_1pct",
        "lift_at_3pct",
        "capture_at_1pct",
        "capture_at_3pct",
        "capture_at_10pct",
    ]
