"""Paired differences and their intervals: against resampling, and how often they hold what is true."""

from __future__ import annotations

import numpy as np
import pytest
from click_models import impressions, sigmoid, trained

from components.evaluator.metrics import FloatArray, click_metrics
from components.quality_gate.influence import Rows, auc, log_calibration_ratio, normalized_entropy
from components.quality_gate.normal import normal_quantile, normal_tail
from components.quality_gate.paired import auc_drop, calibration_error_rise, normalized_entropy_rise
from components.quality_gate.regressions import Compare

COMPARISONS = [auc_drop, normalized_entropy_rise, calibration_error_rise]


def one_slice(label: FloatArray) -> Rows:
    return Rows(label, np.ones(len(label)), np.zeros(len(label), np.int64), 1)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_intervals_are_those_of_a_bootstrap(compare: Compare) -> None:
    """400 Poisson bootstraps (Oza and Russell 2001): a standard error from them is off by 1 / √800 = 3.5 %."""
    data = impressions(4_000, 3)
    candidate, baseline = trained(data, 1, clicks=800), trained(data, 2, clicks=800)
    candidate = sigmoid(np.log(candidate / (1 - candidate)) + 0.3)  # both ratios on one side of 1: no kink
    baseline = sigmoid(np.log(baseline / (1 - baseline)) + 0.2)
    found = compare(one_slice(data.label), candidate, baseline, 0.0, 0.95)
    random = np.random.default_rng(0)
    rises = []
    for _ in range(400):
        weight = random.poisson(1.0, len(data.label)).astype(np.float64)
        again = compare(one_slice(data.label)._replace(weight=weight), candidate, baseline, 0.0, 0.95)
        rises.append(again.rise[0])
    error = (found.high - found.low)[0] / (2 * normal_quantile(0.975))
    assert error == pytest.approx(np.std(rises), rel=0.12)
    assert found.rise[0] == pytest.approx(np.mean(rises), abs=3 * error / 20 + 1e-4)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_equal_scores_differ_by_nothing_for_certain(compare: Compare) -> None:
    data = impressions(1_000, 4)
    score = trained(data, 1)
    found = compare(one_slice(data.label), score, score, 0.0, 0.95)
    assert [float(found.rise[0]), float(found.low[0]), float(found.high[0])] == pytest.approx([0, 0, 0], abs=1e-6)
    assert compare(one_slice(data.label), score, score, 0.01, 0.95).p_value[0] == 1.0


def test_rises_are_differences_of_the_metrics() -> None:
    data = impressions(2_000, 5)
    new, old = trained(data, 1), trained(data, 2, dropped=0)
    rows = one_slice(data.label)
    a, b = click_metrics(data.label, new), click_metrics(data.label, old)
    assert a.auc is not None and b.auc is not None
    assert a.normalized_entropy is not None and b.normalized_entropy is not None
    assert a.calibration_ratio is not None and b.calibration_ratio is not None
    assert auc_drop(rows, new, old, 0, 0.95).rise[0] == pytest.approx(b.auc - a.auc)
    entropies = a.normalized_entropy - b.normalized_entropy
    assert normalized_entropy_rise(rows, new, old, 0, 0.95).rise[0] == pytest.approx(entropies)
    errors = abs(np.log(a.calibration_ratio)) - abs(np.log(b.calibration_ratio))
    assert calibration_error_rise(rows, new, old, 0, 0.95).rise[0] == pytest.approx(errors)


@pytest.mark.parametrize("compare", [auc_drop, normalized_entropy_rise])
def test_intervals_hold_the_truth_as_often_as_they_say(compare: Compare) -> None:
    """200 draws of 2,000 rows around the value at 400,000 rows: 95 % ± 3 standard errors of 1.54 %."""
    many = impressions(400_000, 6)
    new, old = trained(many, 1, clicks=400), trained(many, 2, clicks=400)
    true = compare(one_slice(many.label), new, old, 0.0, 0.95).rise[0]
    held = 0
    for draw in range(200):
        part = slice(draw * 2_000, (draw + 1) * 2_000)
        found = compare(one_slice(many.label[part]), new[part], old[part], 0.0, 0.95)
        held += int(found.low[0] <= true <= found.high[0])
    assert held / 200 == pytest.approx(0.95, abs=3 * 0.0154)


def test_luck_with_the_clicks_is_no_calibration_error() -> None:
    """Ratios of 1.00 and 1.06 with 100 clicks, each known to 10 %: the rows cannot tell which model is off."""
    label = np.zeros(2_000)
    label[:100] = 1
    old, new = np.full(2_000, 0.05), np.full(2_000, 0.053)
    few = calibration_error_rise(one_slice(label), new, old, 0.0, 0.95)
    assert few.rise[0] == pytest.approx(np.log(1.06))
    assert few.low[0] < 0 < few.high[0]
    assert few.p_value[0] > 0.05
    many = [np.tile(values, 100) for values in (label, new, old)]
    assert calibration_error_rise(one_slice(many[0]), many[1], many[2], 0.0, 0.95).p_value[0] < 0.001


def test_many_slices_are_compared_as_each_alone() -> None:
    """More than are drawn at once; the draws are the same for each slice."""
    data = impressions(60_000, 7)
    new, old = trained(data, 1), trained(data, 2)
    ids = np.arange(60_000) % 300
    rows = Rows(data.label, np.ones(60_000), ids, 300)
    for compare in COMPARISONS:
        whole = compare(rows, new, old, 0.0, 0.95)
        for number in (0, 257, 299):
            own = ids == number
            alone = compare(one_slice(data.label[own]), new[own], old[own], 0.0, 0.95)
            for together, apart in zip(whole, alone, strict=True):
                assert together[number] == pytest.approx(apart[0], abs=1e-9)


def test_metrics_of_both_models_come_from_the_same_rows() -> None:
    """The paired error is far below that of each: most of the noise is common."""
    data = impressions(10_000, 8)
    rows, new, old = one_slice(data.label), trained(data, 1), trained(data, 2)
    for metric in (auc, normalized_entropy, log_calibration_ratio):
        a, b = metric(rows, new), metric(rows, old)
        assert rows.variance(a.influence - b.influence)[0] < 0.1 * rows.variance(a.influence)[0]


def test_the_normal_law() -> None:
    assert normal_quantile(0.975) == pytest.approx(1.959964, abs=1e-6)
    assert normal_tail(np.array([0.0, 1.959964, 10.0, -np.inf, np.inf])) == pytest.approx(
        [0.5, 0.025, 7.619853e-24, 1.0, 0.0], rel=1e-5
    )
