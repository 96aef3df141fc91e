"""Interval of a click rate."""

from __future__ import annotations

import pytest

from components.evaluator.wilson import wilson_interval


def test_ten_clicks_of_a_hundred_by_hand() -> None:
    """10 of 100: (0.1 + z²/200 ± z·√(0.1·0.9/100 + z²/40000)) / (1 + z²/100) with z² = 3.8415 is 0.0552 to 0.1744."""
    assert wilson_interval(10, 100) == (pytest.approx(0.05523, abs=1e-4), pytest.approx(0.17437, abs=1e-4))


def test_the_interval_is_the_one_of_the_paper() -> None:
    # The bounds are the roots p of (p̂ - p)² = z² p (1 - p) / n
    for clicks, impressions in ((0.0, 10.0), (1.0, 10.0), (200.0, 400.0), (7.5, 12.25), (10.0, 10.0)):
        for bound in wilson_interval(clicks, impressions):
            variance = 3.8414588 * bound * (1 - bound) / impressions
            assert (clicks / impressions - bound) ** 2 == pytest.approx(variance, abs=1e-9)
    assert wilson_interval(0, 10) == (0.0, pytest.approx(0.27753, abs=1e-5))  # z² / (n + z²) = 3.8415 / 13.8415
