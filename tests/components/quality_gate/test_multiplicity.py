"""Holm's adjustment."""

from __future__ import annotations

import numpy as np
import pytest

from components.quality_gate.multiplicity import holm


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03, 0.6: times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.6, never falling."""
    assert holm(np.array([0.03, 0.6, 0.01, 0.02])) == pytest.approx([0.06, 0.6, 0.04, 0.06])
    assert holm(np.array([0.01, 0.02, 0.0201])) == pytest.approx([0.03, 0.04, 0.04])
    assert holm(np.array([0.7, 0.8])) == pytest.approx([1.0, 1.0])
    assert holm(np.array([0.02])) == pytest.approx([0.02])


def test_chance_alone_is_told_as_a_finding_as_rarely_as_promised() -> None:
    """2,000 times 30 comparisons of nothing: 2.5 % of the times one or more are found, ± 3 · 0.35 %."""
    random = np.random.default_rng(1)
    found = np.mean([holm(random.random(30)).min() <= 0.025 for _ in range(2_000)])
    assert found == pytest.approx(0.025, abs=3 * 0.0035)
