"""Bins of the calibration signature: counts that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.calibration_bins import calibration_bins


def floats(*values: float) -> np.ndarray:  # type: ignore[type-arg]  # of float32, for a short line
    return np.array(values, np.float32)


def test_each_bin_counts_its_impressions_and_clicks_by_weight() -> None:
    scores = floats(0.5, 0.1, 0.3, 0.2, 0.4, 0.6)
    label = floats(1, 0, 1, 0, 0, 1)
    weight = floats(1, 2, 0.5, 1, 1, 3)
    found = calibration_bins(scores, label, weight, max_bins=3, min_rows=2)
    # six rows in three bins: 0.1 and 0.2 | 0.3 and 0.4 | 0.5 and 0.6
    assert found.score_upper_bounds.tolist() == floats(0.2, 0.4).tolist()
    assert found.impressions.tolist() == [2 + 1, 0.5 + 1, 1 + 3]
    assert found.clicks.tolist() == [0, 0.5, 1 + 3]
    assert {column.dtype for column in found} == {np.dtype(np.float32)}


def test_rows_of_one_score_lie_in_one_bin() -> None:
    scores = floats(0.1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.4, 0.4)
    found = calibration_bins(scores, scores * 0, scores * 0 + 1, max_bins=4, min_rows=2)
    # 0.1 with all of 0.2; the three others would be a bin and a half, and stay together
    assert found.score_upper_bounds.tolist() == floats(0.2).tolist()
    assert found.impressions.tolist() == [5, 3]


@pytest.mark.parametrize(("rows", "bins"), [(0, 1), (1, 1), (199, 1), (200, 2), (1050, 10), (2000, 20), (100_000, 20)])
def test_bins_are_as_many_as_have_enough_rows(rows: int, bins: int) -> None:
    generator = np.random.default_rng(rows)
    scores = generator.random(rows, np.float32)
    label = (generator.random(rows) < scores).astype(np.float32)
    found = calibration_bins(scores, label, np.ones(rows, np.float32))
    assert found.impressions.shape == found.clicks.shape == (bins,)
    assert found.score_upper_bounds.shape == (bins - 1,)
    assert (np.diff(found.score_upper_bounds) > 0).all()
    assert found.impressions.sum() == rows
    assert found.clicks.sum() == label.sum()
    if bins > 1:
        assert found.impressions.min() >= 100


def test_thinned_negatives_are_counted_in_and_are_no_surer_for_it() -> None:
    """2 clicks and 6 of 30 others: 2 / 32, as sure as of 0.2 · 32² / 8 = 25.6 impressions with 1.6 clicks.

    No click among 8 of 40 others: none in 40, which nobody has guessed.
    """
    label = floats(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0)
    scores = np.repeat(floats(0.1, 0.2), 8)
    found = calibration_bins(scores, label, np.ones(16, np.float32), max_bins=2, min_rows=2, kept_share=0.2)
    assert found.impressions == pytest.approx([40.0, 25.6])
    assert found.clicks == pytest.approx([0.0, 1.6])


def test_the_interval_of_thinned_rows_spreads_as_their_click_rate_does() -> None:
    """2,000 samples of 4,000 impressions at a rate of 0.1 with a fifth of the others kept: their rates spread as the
    number of impressions that the bin tells says, √(r (1 − r) / n)."""
    generator = np.random.default_rng(4)
    clicks = generator.binomial(4_000, 0.1, 2_000)
    others = generator.binomial(4_000 - clicks, 0.2)
    rates = clicks / (clicks + others / 0.2)
    label = np.repeat(floats(1, 0), [400, 720])
    (impressions,) = calibration_bins(label * 0, label, label * 0 + 1, kept_share=0.2).impressions
    assert impressions == pytest.approx(0.2 * 4_000**2 / 1_120)
    assert np.sqrt(0.1 * 0.9 / impressions) == pytest.approx(rates.std(), rel=0.05)


def test_a_model_of_one_score_has_one_bin() -> None:
    found = calibration_bins(np.full(500, 0.25, np.float32), np.ones(500, np.float32), np.ones(500, np.float32))
    assert (found.score_upper_bounds.tolist(), found.impressions.tolist()) == ([], [500.0])
