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


def test_a_model_of_one_score_has_one_bin() -> None:
    found = calibration_bins(np.full(500, 0.25, np.float32), np.ones(500, np.float32), np.ones(500, np.float32))
    assert (found.score_upper_bounds.tolist(), found.impressions.tolist()) == ([], [500.0])
