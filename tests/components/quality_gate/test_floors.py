"""Absolute bounds: reached, missed, and what too few clicks leave open."""

from __future__ import annotations

import numpy as np
import pytest
from click_models import impressions, trained

from components.evaluator.metrics import FloatArray, click_metrics, expected_calibration_error
from components.quality_gate.bounds import Bound
from components.quality_gate.floors import calibrated_ece, floors
from configs.evaluation import Bounds


def judged(label: FloatArray, score: FloatArray, bounds: Bounds | None = None) -> dict[tuple[str, str], Bound]:
    found = floors(click_metrics(label, score), label, np.ones(len(label)), score, bounds or Bounds(), 0.95)
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
    assert found["log loss", "≤"].low is None


def test_the_bounds_themselves_hold() -> None:
    label, score = np.array([1.0, 0, 1, 0]), np.array([0.8, 0.4, 0.4, 0.2])
    metrics = click_metrics(label, score)
    found = judged(label, score, Bounds(min_auc=3.5 / 4, max_log_loss=metrics.log_loss))
    assert found["AUC", "≥"].state == found["log loss", "≤"].state == "held"


def test_auc_and_log_loss_have_to_be_reached() -> None:
    data = impressions(5_000, 1)
    found = judged(data.label, trained(data, 1), Bounds(min_auc=0.9, max_log_loss=0.1))
    assert [found["AUC", "≥"].held, found["log loss", "≤"].held] == [False, False]
    auc = found["AUC", "≥"]
    assert auc.reason() == f"AUC {auc.value:.4f} [{auc.low:.4f}, {auc.high:.4f}] is not ≥ 0.9"


@pytest.mark.parametrize(("factor", "relation"), [(0.5, "≥"), (2.0, "≤")])
def test_a_calibration_ratio_fails_beyond_noise_only(factor: float, relation: str) -> None:
    """1,000 rows with about 85 clicks know the ratio to 11 %, 200 with about 17 to 24 %."""
    many = impressions(10_000, 2)
    score = np.clip(trained(many, 1) * factor, 0, 1)
    assert judged(many.label, score)["calibration ratio", relation].state == "failed"
    slightly = np.clip(trained(many, 1) * (0.76 if factor < 1 else 1.3), 0, 1)[:400]
    unclear = judged(many.label[:400], slightly * many.label[:400].mean() / trained(many, 1)[:400].mean())
    assert unclear["calibration ratio", relation].state == "unclear"
    assert unclear["calibration ratio", relation].held


def test_rows_of_one_class_cannot_show_what_a_bound_wants() -> None:
    found = judged(np.zeros(10), np.full(10, 0.1))
    assert [one.reason() for one in found.values() if not one.held] == [
        "AUC (undefined: the rows have one class only) is not ≥ 0.55",
        "calibration ratio (undefined: the rows have one class only) is not ≥ 0.8",
        "calibration ratio (undefined: the rows have one class only) is not ≤ 1.25",
    ]


def test_scores_that_rank_perfectly_have_an_interval_too() -> None:
    label = np.repeat([1.0, 0.0], 20)
    found = judged(label, np.repeat([0.9, 0.1], 20))["AUC", "≥"]
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_chance_alone_gives_a_calibrated_model_an_error_of_that_size() -> None:
    """1,000 draws of clicks from the very scores: 97.5 % of them stay below, ± 3 · 0.5 %."""
    score = trained(impressions(1_000, 3), 1)
    bound = calibrated_ece(np.ones(1_000), score, 0.975)
    random = np.random.default_rng(1)
    errors = [
        expected_calibration_error((random.random(1_000) < score).astype(np.float64), score, np.ones(1_000))
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
