"""Shift and slope of the logits, against arithmetic and against labels drawn of known probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from trainer.calibration import (
    GREATEST_SLOPE,
    TOWERS_SHARE,
    blending_share,
    calibrating_shift,
    calibrating_slope,
    sampling_shift,
)


def floats(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("logits", "label", "weight", "shift"),
    [
        # one click in four: logit(1/4) = ln(1/3) = -ln 3
        ([0.0, 0.0, 0.0, 0.0], [1, 0, 0, 0], [1.0, 1.0, 1.0, 1.0], -math.log(3)),
        # the same from predictions far too high: -ln 3 - 6
        ([6.0, 6.0, 6.0, 6.0], [1, 0, 0, 0], [1.0, 1.0, 1.0, 1.0], -math.log(3) - 6),
        # and far too low, of three clicks in four: ln 3 + 9
        ([-9.0, -9.0, -9.0, -9.0], [1, 1, 1, 0], [1.0, 1.0, 1.0, 1.0], math.log(3) + 9),
        # the click weighs 3 of 6: logit(1/2) = 0
        ([0.0, 0.0, 0.0, 0.0], [1, 0, 0, 0], [3.0, 1.0, 1.0, 1.0], 0.0),
        # two clicks in four, logits mirrored about 1: sigma(-2) + sigma(-1) + sigma(1) + sigma(2) = 2 after -1
        ([-1.0, 0.0, 2.0, 3.0], [0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0], -1.0),
    ],
)
def test_the_shift_calibrates(logits: list[float], label: list[int], weight: list[float], shift: float) -> None:
    found = calibrating_shift(floats(logits), floats(label), floats(weight))
    assert found == pytest.approx(shift, abs=1e-9)


def test_predicted_clicks_equal_observed_clicks_after_the_shift() -> None:
    generator = np.random.default_rng(2)
    logits = generator.normal(3.0, 2.0, 1000).astype(np.float32)
    label = (generator.random(1000) < 0.02).astype(np.float32)
    weight = generator.uniform(0.5, 2.0, 1000).astype(np.float32)
    shift = calibrating_shift(logits, label, weight)
    predicted = float(np.sum(weight / (1 + np.exp(-(logits.astype(np.float64) + shift)))))
    assert predicted == pytest.approx(float(np.sum(weight * label)), rel=1e-6)


def test_no_click_at_all_keeps_the_shift_finite() -> None:
    shift = calibrating_shift(floats([0, 0, 0, 0]), floats([0, 0, 0, 0]), floats([1, 1, 1, 1]))
    assert -100 < shift < -10  # as low as it gets, and still a number that the model can add


@pytest.mark.parametrize(("sampled", "kept", "real"), [(1 / 1.9, 0.1, 0.1), (0.3, 1.0, 0.3), (0.2, 0.25, 1 / 17)])
def test_the_odds_of_thinned_rows_are_put_back(sampled: float, kept: float, real: float) -> None:
    """A tenth of the negatives kept makes 1 of 1.9 of a rate of 0.1; 1 : 4 with a quarter kept was 1 : 16."""
    logit = math.log(sampled / (1 - sampled)) + sampling_shift(kept)
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(real)
    assert sampled / (sampled + (1 - sampled) / kept) == pytest.approx(real)


def drawn(rows: int, slope: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Logits about -2, and labels of which `slope` times the logits' deviation is the truth."""
    generator = np.random.default_rng(3)
    logits = generator.normal(-2.0, 1.0, rows)
    truth = -2.0 + slope * (logits + 2.0)
    label = generator.random(rows) < 1.0 / (1.0 + np.exp(-truth))
    return logits.astype(np.float32), label.astype(np.float32)


@pytest.mark.parametrize("slope", [0.7, 1.0, 1.3])
def test_the_slope_is_found_where_rows_are_many(slope: float) -> None:
    logits, label = drawn(200_000, slope)
    # its error: 1 / sqrt(200,000 · mean of p (1 - p) of about 0.1 · variance 1) = 0.007
    assert calibrating_slope(logits, label, np.ones_like(label)) == pytest.approx(slope, abs=0.03)


def test_few_clicks_move_the_slope_little() -> None:
    """300 clicks against 1,500 clicks' worth of belief: of the 0.3 to go, about 300 / 1,800, so 0.05."""
    logits, label = drawn(2_000, 0.7)
    assert label.sum() == pytest.approx(300, abs=10)
    assert calibrating_slope(logits, label, np.ones_like(label)) == pytest.approx(0.95, abs=0.02)


def test_logits_in_the_order_of_the_labels_stop_at_the_greatest_slope() -> None:
    logits = np.linspace(-0.1, 0.1, 4000, dtype=np.float32)
    label = (logits > 0).astype(np.float32)
    assert calibrating_slope(logits, label, np.ones_like(label)) == GREATEST_SLOPE


@pytest.mark.parametrize("label", [[0, 0, 0], [1, 1, 1]])
def test_one_class_says_nothing_of_the_slope(label: list[int]) -> None:
    assert calibrating_slope(floats([-1, 0, 1]), floats(label), floats([1, 1, 1])) == 1.0


def test_equal_logits_have_no_slope_to_find() -> None:
    assert calibrating_slope(floats([2, 2, 2, 2]), floats([1, 0, 0, 1]), floats([1, 1, 1, 1])) == 1.0


def test_the_share_is_that_of_the_logits_which_labels_were_drawn_of() -> None:
    """Labels follow 0.25 · alone + 0.75 · together, in 200,000 rows, beside which the belief in 0.3 weighs little."""
    generator = np.random.default_rng(8)
    alone, together = generator.normal(-1.0, 1.0, 200_000), generator.normal(-1.0, 1.0, 200_000)
    probability = 1.0 / (1.0 + np.exp(-(0.25 * alone + 0.75 * together)))
    label = (generator.random(200_000) < probability).astype(np.float32)
    found = blending_share(alone, together.astype(np.float32), label, np.ones(200_000, np.float32))
    assert found == pytest.approx(0.75, abs=0.03)


def test_the_share_stays_between_the_two() -> None:
    """Labels follow -1 times the one and 2 times the other: beyond either end."""
    generator = np.random.default_rng(8)
    first, second = generator.normal(-1.0, 1.0, (2, 50_000))
    label = (generator.random(50_000) < 1.0 / (1.0 + np.exp(first - 2.0 * second))).astype(np.float32)
    ones = np.ones(50_000, np.float32)
    assert blending_share(first, second.astype(np.float32), label, ones) == 1.0
    assert blending_share(second, first.astype(np.float32), label, ones) == 0.0


def test_without_both_classes_the_share_is_the_belief() -> None:
    assert blending_share(np.zeros(3), floats([1, 2, 3]), floats([0, 0, 0]), floats([1, 1, 1])) == TOWERS_SHARE
