"""Absolute bounds: reached, missed, and what too few clicks leave open."""

from __future__ import annotations

import numpy as np
import pytest
from click_models import impressions, trained

from components.evaluator.measuring import measure
from components.evaluator.metrics import click_metrics, expected_calibration_error
from components.evaluator.sliced_rows import FloatArray, SlicedRows
from components.evaluator.slices import Slicing
from components.quality_gate.bounds import Bound
from components.quality_gate.floors import NEEDED, calibrated_ece, floors
from configs.evaluation import Bounds


def judged(label: FloatArray, score: FloatArray, bounds: Bounds | None = None) -> dict[tuple[str, str], Bound]:
    whole = Slicing((), ((),), np.zeros(len(label), np.int64))
    (measured,) = measure({"label": label, "candidate": score}, [whole], NEEDED)
    found = floors(measured, bounds or Bounds(), 0.95)
    return {(one.name, one.relation): one for one in found}


def test_each_bound_has_its_number_and_where_there_is_one_its_interval() -> None:
    data = impressions(5_000, 1)
    score = trained(data, 1)
    found, metrics = judged(data.label, score), click_metrics(data.label, score)
    assert list(found) == [
        ("AUC", "≥"),
        ("log loss", "≤"),
        ("calibration ratio", "≥"),
        ("calibration ratio", "≤"),
        ("expected calibration error", "≤"),
    ]
    assert all(one.held and one.state == "held" for one in found.values())
    auc, ratio = found["AUC", "≥"], found["calibration ratio", "≤"]
    assert (auc.value, ratio.value) == (metrics.auc, metrics.calibration_ratio)
    for one in (auc, ratio):
        assert one.value is not None and one.low is not None and one.high is not None
        assert one.low < one.value < one.high


def test_the_bounds_themselves_hold() -> None:
    label, score = np.array([1.0, 0, 1, 0]), np.array([0.8, 0.4, 0.4, 0.2])
    loss = click_metrics(label, score).log_loss
    assert loss is not None
    found = judged(label, score, Bounds(min_auc=3.5 / 4, max_log_loss=loss))
    assert found["AUC", "≥"].state == found["log loss", "≤"].state == "held"


def test_auc_and_log_loss_have_to_be_reached() -> None:
    data = impressions(5_000, 1)
    found = judged(data.label, trained(data, 1), Bounds(min_auc=0.9, max_log_loss=0.1))
    assert [found["AUC", "≥"].held, found["log loss", "≤"].held] == [False, False]
    auc = found["AUC", "≥"]
    assert auc.reason().startswith("AUC 0.")
    assert auc.reason().endswith("] is not ≥ 0.9")


@pytest.mark.parametrize(("factor", "slight", "relation"), [(0.5, 0.75, "≥"), (2.0, 1.33, "≤")])
def test_a_calibration_ratio_fails_beyond_noise_only(factor: float, slight: float, relation: str) -> None:
    """10,000 rows with about 850 clicks know the ratio to 3 %; 400 with about 34 to 17 %, 0.8 and 1.25 are 6 % away."""
    data = impressions(10_000, 2)
    score = trained(data, 1)
    failed = judged(data.label, np.clip(score * factor, 0, 1))["calibration ratio", relation]
    assert (failed.state, failed.held) == ("failed", False)
    label, few = data.label[:400], score[:400]
    unclear = judged(label, few * slight * label.mean() / few.mean())["calibration ratio", relation]
    assert unclear.value == pytest.approx(slight)
    assert (unclear.state, unclear.held) == ("unclear", True)


def test_rows_of_one_class_cannot_show_what_a_bound_wants() -> None:
    found = judged(np.zeros(10), np.full(10, 0.1))
    assert [one.reason() for one in found.values() if not one.held] == [
        "AUC (undefined: the rows have one class only) is not ≥ 0.55",
        "calibration ratio (undefined: the rows have one class only) is not ≥ 0.8",
        "calibration ratio (undefined: the rows have one class only) is not ≤ 1.25",
    ]


def test_chance_alone_gives_a_calibrated_model_an_error_of_that_size() -> None:
    """1,000 draws of clicks from the very scores: 97.5 % of them stay below, ± 3 · 0.5 %."""
    score = trained(impressions(1_000, 3), 1)
    bound = calibrated_ece(SlicedRows.sort(np.zeros(1_000), score), 0.975)
    random = np.random.default_rng(1)
    errors = [
        expected_calibration_error((random.random(1_000) < score).astype(np.float64), score) or 0.0
        for _ in range(1_000)
    ]
    assert np.mean(np.array(errors) <= bound) == pytest.approx(0.975, abs=0.015)


def test_a_calibration_error_fails_beyond_noise_only() -> None:
    data = impressions(10_000, 4)
    off = np.where(data.features[:, 0] > 0, 0.25, 0.02) * np.ones(10_000)
    found = judged(data.label, off)["expected calibration error", "≤"]
    assert found.value is not None and found.value > 0.06
    assert (found.state, found.held) == ("failed", False)
    assert "a calibrated model shows up to 0.0" in found.reason()
    few = judged(data.label[:60], trained(data, 1)[:60], Bounds(max_ece=0.01))["expected calibration error", "≤"]
    assert (few.state, few.held) == ("unclear", True)
