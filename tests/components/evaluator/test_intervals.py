"""Intervals: DeLong's formula, the bootstrap, derivatives, coverage, and what they say of rows that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from click_rows import click_rows, click_slicings

from components.evaluator.intervals import metric_intervals, paired_difference, paired_differences
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import SlicedRows


@pytest.mark.parametrize("name", [name for name in METRICS if "_at_" not in name])
@pytest.mark.parametrize("decimals", [1, None], ids=["many ties", "no ties"])
def test_what_a_row_adds_is_the_derivative_by_its_weight(name: str, decimals: int | None) -> None:
    """(m(w (1 + h)) − m(w)) / h for each row in turn, h = 1e-6; capture's has an estimate of the rate at the edge."""
    drawn = click_rows(60, 1, click_rate=0.4, decimals=decimals)
    weight = drawn["weight"] + np.random.default_rng(0).random(60)  # no row on the edge of a bin
    rows = SlicedRows.sort(drawn["label"], drawn["candidate"], weight)
    metric = METRICS[name]
    value = metric.value(rows)
    added = metric.influence(rows, value)
    if name == "auc":  # DeLong's divisor m − 1 in place of m
        clicks, others = rows.positive, rows.negative
        effective = [one.sum() ** 2 / (one**2).sum() for one in (clicks, others)]
        added = added / np.where(rows.label > 0, *(np.sqrt(m / (m - 1)) for m in effective))
    step = 1e-6
    for index in range(60):
        changed = rows.weight.copy()
        changed[index] *= 1 + step
        slope = (metric.value(rows.reweighted(changed))[0] - value[0]) / step
        assert added[index] == pytest.approx(slope, abs=2e-5)


def test_auc_has_delongs_variance() -> None:
    """By the definition, in loops: V₁₀ of each click, V₀₁ of each non-click, S₁₀/m + S₀₁/n."""
    drawn = click_rows(80, 2, click_rate=0.3, decimals=1)
    clicks = drawn["candidate"][drawn["label"] == 1]
    others = drawn["candidate"][drawn["label"] == 0]
    wins = (clicks[:, None] > others) + 0.5 * (clicks[:, None] == others)
    variance = wins.mean(axis=1).var(ddof=1) / len(clicks) + wins.mean(axis=0).var(ddof=1) / len(others)
    found = metric_intervals(METRICS["auc"], SlicedRows.sort(drawn["label"], drawn["candidate"]))
    assert found.standard_error[0] == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("name", METRICS)
def test_the_bootstrap_finds_intervals_as_wide(name: str) -> None:
    """Both say how far a paired difference reaches; 200 replicates know a width to about a tenth.

    A calibration error's is wide on purpose where bins are calibrated but for noise.
    """
    drawn = click_rows(8_000, 3, click_rate=0.1)
    arguments = (name, drawn["label"], drawn["candidate"], drawn["baseline"], drawn["weight"])
    closed, drawn_again = paired_difference(*arguments), paired_difference(*arguments, seed=5)
    assert closed.difference == drawn_again.difference
    assert None not in closed
    assert None not in drawn_again
    if name == "mean_label":  # both models have the same labels: no difference, no width
        assert closed == drawn_again == (0.0, 0.0, 0.0)
        return
    ratio = (closed.high - closed.low) / (drawn_again.high - drawn_again.low)  # type: ignore[operator]
    assert 0.7 < ratio < (2.0 if name == "ece" else 1.4)


def test_the_bootstrap_repeats_itself_by_its_seed() -> None:
    drawn = click_rows(500, 3, click_rate=0.2)
    arguments = ("auc", drawn["label"], drawn["candidate"], drawn["baseline"], None)
    assert paired_difference(*arguments, seed=1) == paired_difference(*arguments, seed=1)
    assert paired_difference(*arguments, seed=1) != paired_difference(*arguments, seed=2)


def test_pairing_makes_intervals_narrow() -> None:
    """Two nearly equal models: the difference is known far better than either AUC."""
    drawn = click_rows(5_000, 4)
    other = np.clip(drawn["candidate"] * 1.001 + 1e-6 * np.random.default_rng(0).normal(size=5_000), 1e-6, 1 - 1e-6)
    paired = paired_difference("auc", drawn["label"], drawn["candidate"], other)
    single = metric_intervals(METRICS["auc"], SlicedRows.sort(drawn["label"], drawn["candidate"]))
    assert paired.low is not None
    assert paired.high is not None
    assert paired.high - paired.low < 0.05 * (single.high[0] - single.low[0])


@pytest.mark.parametrize("name", ["auc", "pr_auc", "log_loss", "normalized_entropy", "calibration_ratio"])
def test_95_percent_of_intervals_hold_the_truth(name: str) -> None:
    """1,000 slices of 400 rows from one law; the truth is the difference over 400,000 rows.

    Of 1,000 intervals 950 ± 2·√(1000·0.95·0.05) = 936 … 964 are due; small slices may cost a little more.
    """
    drawn = click_rows(400_000, 6, click_rate=0.1)
    ids = np.repeat(np.arange(1_000), 400)
    truth = paired_difference(name, drawn["label"], drawn["candidate"], drawn["baseline"])
    found = paired_differences(
        name, drawn["label"], drawn["candidate"], drawn["baseline"], slice_ids=ids, n_slices=1_000
    )
    assert truth.difference is not None
    held = (found.low <= truth.difference) & (truth.difference <= found.high)
    assert 0.92 < held.mean() < 0.98


def test_each_slices_difference_is_as_if_it_were_alone() -> None:
    drawn = click_rows(3_000, 8)
    arrays = [drawn[key] for key in ("label", "candidate", "baseline", "weight")]
    slicing = click_slicings(3_000, 9, (40,))[1]
    found = paired_differences("auc", *arrays, slice_ids=slicing.ids, n_slices=len(slicing.keys))
    for index in range(len(slicing.keys)):
        alone = paired_difference("auc", *(one[slicing.ids == index] for one in arrays))
        expected = [np.nan if one is None else one for one in alone]
        assert [found.difference[index], found.low[index], found.high[index]] == pytest.approx(expected, nan_ok=True)


def test_one_class_has_no_difference_and_one_click_has_no_interval() -> None:
    score = np.linspace(0.1, 0.9, 10)
    assert paired_difference("auc", np.zeros(10), score, score[::-1].copy()) == (None, None, None)
    one_click = paired_difference("log_loss", np.eye(10)[0], score, score[::-1].copy())
    assert one_click.difference is not None
    assert (one_click.low, one_click.high) == (None, None)
