"""95 % intervals of metrics, and of the difference of two models on the same rows, overall and per slice.

By influence functions (the infinitesimal jackknife: Jaeckel 1972; Efron 1982, The Jackknife, the Bootstrap and Other
Resampling Plans, chapter 6): variance = Σ (what each row adds)², in one pass, where a bootstrap takes hundreds. For AUC
it is DeLong's. Paired: the rows' contributions to both models are subtracted before they are squared, so what both
models find equally hard cancels. Quantiles are Student's with (effective clicks − 1) degrees of freedom, since with
rare clicks it is they that carry the information. `poisson_differences` is the same by resampling.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from components.evaluator.registry import METRICS, Metric
from components.evaluator.sliced_rows import FloatArray, IntArray, SlicedRows, sums

LEVEL = 0.95


class Difference(NamedTuple):
    """candidate − baseline and its 95 % interval; None where the rows cannot tell (one class only, say)."""

    difference: float | None
    low: float | None
    high: float | None


class Differences(NamedTuple):
    """candidate − baseline and its 95 % interval per slice, all [n_slices]; NaN where the rows cannot tell."""

    difference: FloatArray
    low: FloatArray
    high: FloatArray


class Intervals(NamedTuple):
    """A metric and its 95 % interval per slice, all [n_slices]; NaN where the rows cannot tell."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    standard_error: FloatArray


def paired_difference(
    metric_name: str,
    label: FloatArray,
    candidate: FloatArray,
    baseline: FloatArray,
    weight: FloatArray | None = None,
    seed: int | None = None,
) -> Difference:
    """Of all rows together; see paired_differences."""
    found = paired_differences(metric_name, label, candidate, baseline, weight, seed)
    return Difference(*(optional(one[0]) for one in found))


def paired_differences(
    metric_name: str,
    label: FloatArray,
    candidate: FloatArray,
    baseline: FloatArray,
    weight: FloatArray | None = None,
    seed: int | None = None,
    slice_ids: IntArray | None = None,
    n_slices: int = 1,
) -> Differences:
    """Of each slice.

    label, candidate, baseline, weight: [rows]; slice_ids: [rows] in [0, n_slices), −1 for none. Without a `seed` the
    interval is closed-form; with one it is a Poisson bootstrap, the same for the same seed. KeyError: unknown metric.
    """
    rows = (
        SlicedRows.sort(label, candidate, weight, slice_ids, n_slices),
        SlicedRows.sort(label, baseline, weight, slice_ids, n_slices),
    )
    metric = METRICS[metric_name]
    if seed is not None:
        return poisson_differences(metric, rows[0], rows[1], len(label), seed)
    found = contribution(metric, rows[0]), contribution(metric, rows[1])
    return contributed_differences(rows[0], found[0], rows[1], found[1], len(label))


class Contribution(NamedTuple):
    """A metric of each slice, [n_slices], and what each row adds to it, [rows] in the order of the sorted rows."""

    value: FloatArray
    added: FloatArray


def contribution(metric: Metric, rows: SlicedRows) -> Contribution:
    """Of all rows: what intervals are made of."""
    value = metric.value(rows)
    return Contribution(value, metric.influence(rows, value))


def contributed_differences(
    candidate: SlicedRows, of_candidate: Contribution, baseline: SlicedRows, of_baseline: Contribution, n_rows: int
) -> Differences:
    """Of the same rows in the same slices, sorted by one score and by the other; `n_rows` were given in all."""
    ids = np.full(n_rows, -1, np.int64)
    ids[candidate.row] = candidate.slice_id
    added = np.zeros(n_rows)
    added[candidate.row] += of_candidate.added
    added[baseline.row] -= of_baseline.added
    inside = ids >= 0
    error = np.sqrt(sums(ids[inside], added[inside] ** 2, candidate.n_slices))
    difference = of_candidate.value - of_baseline.value
    reach = quantile(candidate.effective_clicks) * error
    return Differences(difference, difference - reach, difference + reach)


def contributed_intervals(metric: Metric, rows: SlicedRows, found: Contribution) -> Intervals:
    """A metric of each slice with its interval, which ends at the metric's least and greatest possible value."""
    error = np.sqrt(rows.total(found.added**2))
    error = np.where(np.isnan(found.value), np.nan, error)
    reach = quantile(rows.effective_clicks) * error
    low, high = found.value - reach, found.value + reach
    if metric.lower is not None:
        low = np.maximum(low, metric.lower)
    if metric.upper is not None:
        high = np.minimum(high, metric.upper)
    return Intervals(found.value, low, high, error)


def metric_intervals(metric: Metric, rows: SlicedRows) -> Intervals:
    """A metric of each slice with its interval."""
    return contributed_intervals(metric, rows, contribution(metric, rows))


def poisson_differences(
    metric: Metric, candidate: SlicedRows, baseline: SlicedRows, n_rows: int, seed: int, replicates: int = 200
) -> Differences:
    """By Poisson bootstrap (Chamandy et al. 2012, Estimating Uncertainty for Massive Data Streams): each row's weight
    times a Poisson(1) draw that both models share; the interval lies between the 2.5 and 97.5 % quantiles.
    """
    draws = np.random.default_rng(seed)
    found = np.empty((replicates, candidate.n_slices))
    for replicate in range(replicates):
        times = draws.poisson(1.0, n_rows).astype(np.float64)
        found[replicate] = metric.value(candidate.reweighted(candidate.weight * times[candidate.row])) - metric.value(
            baseline.reweighted(baseline.weight * times[baseline.row])
        )
    difference = metric.value(candidate) - metric.value(baseline)
    known = ~np.isnan(difference) & ~np.isnan(found).all(axis=0)
    ends = np.full((2, candidate.n_slices), np.nan)
    ends[:, known] = np.nanquantile(found[:, known], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Differences(difference, ends[0], ends[1])


def quantile(effective_clicks: FloatArray) -> FloatArray:
    """Student's two-sided 95 % quantile with (effective clicks − 1) degrees of freedom, [n_slices].

    NaN below two clicks: nothing is known of the spread.
    """
    from scipy.stats import t

    freedom = effective_clicks - 1.0
    known = np.nan_to_num(freedom) > 1e-9
    out = np.full(freedom.shape, np.nan)
    out[known] = t.ppf((1 + LEVEL) / 2, freedom[known])
    return out


def optional(value: float) -> float | None:
    """None for NaN: no NaN leaves this room."""
    return None if np.isnan(value) else float(value)
