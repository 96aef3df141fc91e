"""Regressions and their intervals: against resampling, and how often they hold what is true."""

from __future__ import annotations

import numpy as np
import pytest
from click_models import Impressions, impressions, sigmoid, trained

from components.evaluator.measuring import Measured, measure
from components.evaluator.metrics import click_metrics
from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import Slicing
from components.quality_gate.paired import NEEDED, auc_drop, calibration_error_rise, normalized_entropy_rise
from components.quality_gate.regressions import Compare

COMPARISONS = [auc_drop, normalized_entropy_rise, calibration_error_rise]


def measured(
    label: FloatArray, candidate: FloatArray, baseline: FloatArray, slicing: Slicing | None = None, **more: FloatArray
) -> Measured:
    scores = {"label": label, "candidate": candidate, "baseline": baseline, **more}
    return measure(scores, [slicing or Slicing((), ((),), np.zeros(len(label), np.int64))], NEEDED)[0]


@pytest.fixture(scope="module")
def data() -> Impressions:
    return impressions(4_000, 3)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_intervals_are_those_of_a_bootstrap(compare: Compare, data: Impressions) -> None:
    """400 Poisson bootstraps (Oza and Russell 2001): a standard error from them is off by 1 / √800 = 3.5 %."""
    candidate, baseline = trained(data, 1, clicks=800), trained(data, 2, clicks=800)
    candidate = sigmoid(np.log(candidate / (1 - candidate)) + 0.3)  # both ratios on one side of 1: no kink
    baseline = sigmoid(np.log(baseline / (1 - baseline)) + 0.2)
    found = compare(measured(data.label, candidate, baseline), 0.0, 0.95)
    random = np.random.default_rng(0)
    rises = []
    for _ in range(400):
        weight = random.poisson(1.0, len(data.label)).astype(np.float64)
        rises.append(compare(measured(data.label, candidate, baseline, weight=weight), 0.0, 0.95).rise[0])
    error = (found.high - found.low)[0] / (2 * 1.96)
    assert error == pytest.approx(np.std(rises), rel=0.12)
    assert found.rise[0] == pytest.approx(np.mean(rises), abs=3 * error / 20 + 1e-4)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_equal_scores_differ_by_nothing_for_certain(compare: Compare, data: Impressions) -> None:
    score = trained(data, 1)
    found = compare(measured(data.label, score, score), 0.01, 0.95)
    assert [float(found.rise[0]), float(found.low[0]), float(found.high[0])] == pytest.approx([0, 0, 0], abs=1e-6)
    assert found.p_value[0] == 1.0


def test_rises_are_differences_of_the_metrics(data: Impressions) -> None:
    new, old = trained(data, 1), trained(data, 2, dropped=0)
    both = measured(data.label, new, old)
    a, b = click_metrics(data.label, new), click_metrics(data.label, old)
    assert a.auc is not None and b.auc is not None
    assert a.normalized_entropy is not None and b.normalized_entropy is not None
    assert a.calibration_ratio is not None and b.calibration_ratio is not None
    assert auc_drop(both, 0, 0.95).rise[0] == pytest.approx(b.auc - a.auc)
    entropies = a.normalized_entropy - b.normalized_entropy
    assert normalized_entropy_rise(both, 0, 0.95).rise[0] == pytest.approx(entropies)
    errors = abs(np.log(a.calibration_ratio)) - abs(np.log(b.calibration_ratio))
    assert calibration_error_rise(both, 0, 0.95).rise[0] == pytest.approx(errors)


@pytest.mark.parametrize("compare", [auc_drop, normalized_entropy_rise])
def test_intervals_hold_the_truth_as_often_as_they_say(compare: Compare) -> None:
    """200 slices of 2,000 rows around the value at 400,000 rows: 95 % ± 3 standard errors of 1.54 %."""
    many = impressions(400_000, 6)
    new, old = trained(many, 1, clicks=400), trained(many, 2, clicks=400)
    true = compare(measured(many.label, new, old), 0.0, 0.95).rise[0]
    found = compare(measured(many.label, new, old, tiles(400_000, 200)), 0.0, 0.95)
    assert np.mean((found.low <= true) & (true <= found.high)) == pytest.approx(0.95, abs=3 * 0.0154)


@pytest.mark.parametrize("compare", [auc_drop, normalized_entropy_rise])
def test_p_values_are_as_rare_as_they_say(compare: Compare) -> None:
    """Where the candidate is exactly as bad as is allowed, 5 % of 200 p-values lie below 0.05, ± 3 · 1.54 %."""
    many = impressions(400_000, 8)
    new, old = trained(many, 1, clicks=400), trained(many, 2, clicks=400)
    allowed = float(compare(measured(many.label, new, old), 0.0, 0.95).rise[0])
    found = compare(measured(many.label, new, old, tiles(400_000, 200)), allowed, 0.95)
    assert np.mean(found.p_value <= 0.05) == pytest.approx(0.05, abs=3 * 0.0154)


def tiles(rows: int, slices: int) -> Slicing:
    return Slicing(("tile",), tuple((("tile", tile),) for tile in range(slices)), np.arange(rows) % slices)


def test_luck_with_the_clicks_is_no_calibration_error() -> None:
    """Ratios of 1.00 and 1.06 with 100 clicks, each known to 10 %: the rows cannot tell which model is off.

    With 10,000 clicks both are known to 1 %, and the true rate would have to lie 3 % off: 3 standard errors, p 0.0013.
    """
    label = np.zeros(2_000)
    label[:100] = 1
    old, new = np.full(2_000, 0.05), np.full(2_000, 0.053)
    few = calibration_error_rise(measured(label, new, old), 0.0, 0.95)
    assert few.rise[0] == pytest.approx(np.log(1.06))
    assert few.low[0] < 0 < few.high[0]
    assert few.p_value[0] > 0.05
    many = (np.tile(values, 100) for values in (label, new, old))
    assert calibration_error_rise(measured(*many), 0.0, 0.95).p_value[0] < 0.005


@pytest.mark.parametrize("compare", COMPARISONS)
def test_many_slices_are_compared_as_each_alone(compare: Compare) -> None:
    """More than are drawn at once; the draws are the same for each slice."""
    data = impressions(60_000, 7)
    new, old, slicing = trained(data, 1), trained(data, 2), tiles(60_000, 300)
    whole = compare(measured(data.label, new, old, slicing), 0.0, 0.95)
    for number in (0, 257, 299):
        own = slicing.ids == number
        alone = compare(measured(data.label[own], new[own], old[own]), 0.0, 0.95)
        for together, apart in zip(whole, alone, strict=True):
            assert together[number] == pytest.approx(apart[0], abs=1e-9)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_rows_that_cannot_tell_accuse_nobody(compare: Compare) -> None:
    """No click at all, and one alone, of which nobody knows the spread."""
    for label in (np.zeros(5), np.array([1.0, 0, 0, 0, 0])):
        found = compare(measured(label, np.linspace(0.1, 0.5, 5), np.linspace(0.5, 0.1, 5)), 0.0, 0.95)
        assert found.p_value[0] == 1.0
        assert np.isnan(found.low[0]) and np.isnan(found.high[0])
