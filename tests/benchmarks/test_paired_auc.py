"""The paired difference of two AUCs, by hand and against a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.peers.paired_auc import auc_difference
from components.evaluator.metrics import auc


def test_four_rows_by_hand() -> None:
    label = np.array([1.0, 0.0, 1.0, 0.0])
    first = np.array([0.9, 0.1, 0.8, 0.2])  # every click above every other row: 1
    second = np.array([0.9, 0.5, 0.3, 0.5])  # 0.9 beats both, 0.3 none: 1/2
    assert auc_difference(label, first, second).value == pytest.approx(0.5)


def test_equal_ranks_differ_by_nothing() -> None:
    generator = np.random.default_rng(1)
    label, score = generator.integers(0, 2, 500).astype(float), generator.normal(size=500)
    assert auc_difference(label, score, 3.0 * score + 1.0) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_the_interval_is_that_of_a_bootstrap() -> None:
    generator = np.random.default_rng(2)
    label = (generator.random(2000) < 0.3).astype(float)
    first, second = label + generator.normal(0, 1.5, 2000), label + generator.normal(0, 2.0, 2000)
    found = auc_difference(label, first, second)
    ones = np.ones(2000)
    drawn = []
    for _ in range(400):
        rows = generator.integers(0, 2000, 2000)
        areas = [auc(label[rows], score[rows], ones[rows]) or 0.0 for score in (first, second)]
        drawn.append(areas[0] - areas[1])
    # a standard deviation of 400 draws is known to 1 / sqrt(800) = 3.5 %
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(np.std(drawn), rel=0.15)
