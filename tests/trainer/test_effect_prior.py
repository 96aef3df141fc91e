"""Priors from click rates by value: arithmetic on two values, and effects of known spread."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from trainer.effect_prior import WEAKEST, effect_prior

STRONGEST = 60.0


def ones(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return np.ones(len(ids), np.float32)


def two_values() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """100 rows each, 10 and 30 clicks."""
    ids = np.repeat(np.array([0, 1]), 100)
    label = np.zeros(200, np.float32)
    label[:10] = label[100:130] = 1.0
    return ids, label


def test_two_values_by_hand() -> None:
    ids, label = two_values()
    # rate 0.2, p (1 - p) = 0.16; Q = 2 · (10 - 20)² / (100 · 0.16) = 12.5, by chance 2 · (1 - 1/2) = 1
    # its error sqrt(2 · (2 + (1 / 0.16 - 6) / 100)) = sqrt(4.005); factor 0.16 · (200 - 2 · 100² / 200) = 16
    variance = (12.5 - math.sqrt(4.005) - 1.0) / 16.0
    assert effect_prior(ids, label, ones(ids), STRONGEST) == pytest.approx(0.5 / variance)


def test_the_unit_of_the_weights_does_not_matter() -> None:
    ids, label = two_values()
    assert effect_prior(ids, label, 7.0 * ones(ids), STRONGEST) == pytest.approx(
        effect_prior(ids, label, ones(ids), STRONGEST)
    )


def test_aggregated_rows_say_what_their_impressions_do() -> None:
    """Two rows of 100 impressions; taken as two rows that weigh 100 they would say nothing."""
    ids, label = two_values()
    rows = np.array([0, 1]), np.array([0.1, 0.3], np.float32), np.array([100.0, 100.0], np.float32)
    assert effect_prior(*rows, STRONGEST, aggregated=True) == pytest.approx(
        effect_prior(ids, label, ones(ids), STRONGEST), rel=1e-6
    )
    assert effect_prior(*rows, STRONGEST) == STRONGEST


@pytest.mark.parametrize("rows_of_a_value", [1, 5, 50, 1000])
def test_values_that_say_nothing_get_the_strongest_prior(rows_of_a_value: int) -> None:
    strengths = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        ids = generator.integers(0, 10_000 // rows_of_a_value, 10_000)
        label = (generator.random(10_000) < 0.1).astype(np.float32)
        strengths.append(effect_prior(ids, label, ones(ids), STRONGEST))
    # chance spreads the rates of values of five rows, too: the strength is what must not follow it
    assert np.median(strengths) == STRONGEST
    assert min(strengths) > 4.0


@pytest.mark.parametrize("spread", [0.4, 0.8])
def test_effects_of_known_spread_get_their_prior(spread: float) -> None:
    generator = np.random.default_rng(5)
    ids = generator.integers(0, 400, 80_000)
    logit = -1.0 + generator.normal(0.0, spread, 400)[ids]
    label = (generator.random(80_000) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    # 1 / (2 τ²); the linear approximation of the click rates makes wide effects a little narrower
    assert effect_prior(ids, label, ones(ids), STRONGEST) == pytest.approx(0.5 / spread**2, rel=0.4)


def test_the_weakest_prior_is_the_floor() -> None:
    ids = np.repeat(np.arange(10), 100)
    label = (ids % 2).astype(np.float32)  # always or never clicked
    assert effect_prior(ids, label, ones(ids), STRONGEST) == WEAKEST


@pytest.mark.parametrize(("ids", "label"), [([], []), ([0, 1], [0, 0]), ([0, 1], [1, 1]), ([3, 3], [0, 1])])
def test_rows_that_cannot_tell_get_the_strongest_prior(ids: list[int], label: list[int]) -> None:
    values = np.array(ids, np.int64)
    assert effect_prior(values, np.array(label, np.float32), ones(values), STRONGEST) == STRONGEST
