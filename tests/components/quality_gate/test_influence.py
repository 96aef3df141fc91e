"""Metrics by slice and each row's influence on them: by hand, against whole-array metrics, by derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from components.evaluator.metrics import FloatArray, click_metrics
from components.quality_gate.influence import Measured, Rows, auc, log_calibration_ratio, normalized_entropy

METRICS = [auc, normalized_entropy, log_calibration_ratio]
Metric = Callable[[Rows, FloatArray], Measured]


def draw(weighted: bool, decimals: int = 15, rows: int = 600) -> tuple[Rows, FloatArray]:
    random = np.random.default_rng(5)
    score = np.clip(random.beta(2, 8, rows).round(decimals), 0.01, 0.99)
    label = (random.random(rows) < score).astype(np.float64)
    weight = random.exponential(size=rows) if weighted else np.ones(rows)
    return Rows(label, weight, random.integers(0, 3, rows), 3), score


def test_auc_and_its_variance_by_hand() -> None:
    """Clicks 0.8, 0.4; others 0.4, 0.2. Won by the clicks: 1 and ¾, by the others' rows lost to: ¾ and 1. AUC ⅞.

    DeLong: var of (1, ¾) = 1/32 over 2 clicks, the same for the others: 1/32. The influences are ±1/16, four of them:
    4/256, times n / (n − 1) = 4/3: 1/48, which is DeLong's but for his (m − 1).
    """
    rows = Rows(np.array([1.0, 0, 1, 0]), np.ones(4), np.zeros(4, np.int64), 1)
    found = auc(rows, np.array([0.8, 0.4, 0.4, 0.2]))
    assert found.value == pytest.approx([7 / 8])
    assert found.influence == pytest.approx([1 / 16, -1 / 16, -1 / 16, 1 / 16])
    assert rows.variance(found.influence) == pytest.approx([1 / 48])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decimals", [2, 15], ids=["many ties", "no ties"])
def test_each_slice_has_the_metric_of_its_rows_alone(weighted: bool, decimals: int) -> None:
    rows, score = draw(weighted, decimals)
    for number in range(3):
        own = rows.slice_ids == number
        alone = click_metrics(rows.label[own], score[own], rows.weight[own])
        assert alone.calibration_ratio is not None
        assert auc(rows, score).value[number] == pytest.approx(alone.auc, abs=1e-12)
        assert normalized_entropy(rows, score).value[number] == pytest.approx(alone.normalized_entropy, abs=1e-12)
        assert np.exp(log_calibration_ratio(rows, score).value[number]) == pytest.approx(alone.calibration_ratio)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_is_the_derivative_by_the_rows_weight(metric: Metric, weighted: bool) -> None:
    """A step of 1e-6 of the weight; the metric's curvature leaves an error of that order."""
    rows, score = draw(weighted, decimals=2)
    found = metric(rows, score)
    for row in (0, 7, 123, 599):
        step = np.zeros(600)
        step[row] = 1e-6 * rows.weight[row]
        more, less = (metric(rows._replace(weight=rows.weight + sign * step), score).value for sign in (1, -1))
        assert ((more - less) / 2e-6)[rows.slice_ids[row]] == pytest.approx(found.influence[row], abs=1e-8)


@pytest.mark.parametrize("metric", METRICS)
def test_influences_sum_to_nothing_in_each_slice(metric: Metric) -> None:
    """More of every row changes no metric."""
    rows, score = draw(weighted=True)
    assert rows.total(metric(rows, score).influence) == pytest.approx(np.zeros(3), abs=1e-12)


def test_a_share_of_clicks_counts_as_rows_with_and_without() -> None:
    """An aggregated row of weight 10 with 3 clicks is 3 clicks and 7 others of the same score."""
    whole = Rows(np.array([0.3, 1, 0]), np.array([10.0, 1, 1]), np.zeros(3, np.int64), 1)
    apart = Rows(np.array([1.0, 0, 1, 0]), np.array([3.0, 7, 1, 1]), np.zeros(4, np.int64), 1)
    score, score_apart = np.array([0.2, 0.4, 0.1]), np.array([0.2, 0.2, 0.4, 0.1])
    for metric in METRICS:
        assert metric(whole, score).value == pytest.approx(metric(apart, score_apart).value)
