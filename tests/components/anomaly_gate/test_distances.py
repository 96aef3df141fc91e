"""Drift numbers: TFDV's own, held against plain arithmetic, and where they mislead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gate_data import TABLE, one, rows, side
from scipy.stats import ks_2samp

from components.anomaly_gate.feature_view import QUANTILES, STANDARD, views
from components.anomaly_gate.measured import JS, KS, LINF, MISSING, Side
from components.anomaly_gate.measures import measure
from configs.anomalies import Drift

RANDOM = np.random.default_rng(3)
DEVICE, PRICE = TABLE["device"], TABLE["price"]


def test_l_infinity_is_the_largest_change_of_a_share() -> None:
    """tv 30 % → 50 %, phone 70 % → 40 %, watch 0 → 10 %: phone changes most, by 0.3."""
    new, old = rows(devices={"phone": 0.4, "tv": 0.5, "watch": 0.1}), rows()
    found = one(new, old, "device")
    counts = [Counter(columns["device"]) for columns in (new, old)]
    by_hand = max(abs(counts[0][name] - counts[1][name]) / 1_000 for name in counts[0] | counts[1])
    assert found.value == pytest.approx(by_hand) == pytest.approx(0.3)
    assert (found.measure, found.threshold, found.held) == (LINF, 0.2, False)
    # the widest value by chance is phone: pooled share 0.55, 4 √(0.55 · 0.45 · (1/1000 + 1/1000)) = 0.089
    assert found.sampling == pytest.approx(4 * (0.55 * 0.45 * 2 / 1_000) ** 0.5)
    assert str(found) == (
        "L∞ distance of the value shares: 0.3 (largest change: 'phone', span 1: 0.7, span 2: 0.4), "
        "at most 0.2 + 0.089 for sampling"
    )


def test_l_infinity_of_missing_values_counts_values_only() -> None:
    old = rows()
    new = {**old, "device": old["device"][:700] + [None] * 300}
    assert one(new, old, "device").value == pytest.approx(0.3)  # phone: 700 of 700 values


def divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    """Jensen–Shannon in bits, of counts in the same buckets."""
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    return float(sum((a[a > 0] * np.log2(a[a > 0] / middle[a > 0])).sum() for a in (p, q)) / 2)


def spread(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], count: npt.NDArray[np.float64], edges: Any
) -> npt.NDArray[np.float64]:
    """Counts of buckets [low, high] over finer ones, evenly within each."""
    overlap = np.minimum(edges[1:], high[:, None]) - np.maximum(edges[:-1], low[:, None])
    return (count[:, None] * overlap.clip(0) / (high - low)[:, None]).sum(axis=0)


@pytest.mark.parametrize(("scale", "distance"), [(1.0, 0.0), (1.5, 0.22), (2.0, 0.37), (100.0, 0.98)])
def test_the_distance_of_numbers_is_kolmogorov_smirnovs(scale: float, distance: float) -> None:
    """SciPy's, of the raw values, but for what ten quantiles leave out."""
    new, old = prices(scale), prices(1)
    found = one({"price": new}, {"price": old}, "price")
    assert found.measure == KS
    assert found.value == pytest.approx(ks_2samp(new, old).statistic, abs=0.03)
    assert found.value == pytest.approx(distance, abs=0.05)
    assert found.sampling == pytest.approx(2 * (2 / 5_000) ** 0.5)  # 0.04
    assert found.held is (distance < 0.3)


def test_the_distance_says_where_the_numbers_differ() -> None:
    """0 … 10 evenly, then 5 … 10: half of the rows were up to 5, none is."""
    found = one({"price": np.linspace(5, 10, 10_001)}, {"price": np.linspace(0, 10, 10_001)}, "price")
    assert found.value == pytest.approx(0.5, abs=0.001)
    assert str(found) == (
        "Kolmogorov–Smirnov distance: 0.5 (largest at below 5, span 1: 0.5, span 2: 0 of the rows; "
        "range [0, 10], then [5, 10]), at most 0.25 + 0.028 for sampling"
    )


@pytest.mark.parametrize(
    "draw",
    [
        lambda count: RANDOM.poisson(0.3, count),
        lambda count: RANDOM.poisson(1.5, count),
        lambda count: RANDOM.integers(0, 5, count),
        lambda count: RANDOM.geometric(0.1, count),
        lambda count: RANDOM.gamma(2, 1, count) * (RANDOM.random(count) < 0.5),
        lambda count: RANDOM.lognormal(0, 1.5, count),
        lambda count: np.append(RANDOM.gamma(2, 1, count - 1), RANDOM.choice([1.0, 1e6])),
        lambda count: np.ones(count),
    ],
    ids=["rare count", "count", "five values", "many counts", "half zeros", "long tail", "one outlier", "constant"],
)
def test_values_that_repeat_and_long_tails_hold(draw: Callable[[int], npt.NDArray[np.float64]]) -> None:
    for _ in range(20):
        found = one(*({"price": draw(2_000).astype(float)} for _ in "ab"), "price")
        assert found.value is not None
        assert found.value < 0.2, found


def in_the_same_buckets(
    lows: list[npt.NDArray[np.float64]], highs: list[npt.NDArray[np.float64]], counts: list[npt.NDArray[np.float64]]
) -> float:
    """Divergence of two histograms, over the buckets between all their edges."""
    edges = np.unique(np.concatenate(lows + highs))
    return divergence(*(spread(*parts, edges) for parts in zip(lows, highs, counts, strict=True)))


def by_hand(new: Side, old: Side, kind: int) -> float:
    """From TFDV's histograms of that kind."""
    histograms = [views(each.statistics)["price"].histograms[kind] for each in (new, old)]
    parts = (
        [np.array([getattr(bucket, name) for bucket in each.buckets]) for each in histograms]
        for name in ("low_value", "high_value", "sample_count")
    )
    return in_the_same_buckets(*parts)


def prices(scale: float) -> npt.NDArray[np.float64]:
    return RANDOM.gamma(2, scale, 5_000)


ONLY_JS = Drift(js=0.15, ks=None, missing=None)


def test_the_divergence_is_that_of_quantile_buckets_cut_at_all_edges() -> None:
    new, old = side("span 2", {"price": prices(1.5)}), side("span 1", {"price": prices(1)})
    found = measure(new, old, [PRICE], ONLY_JS)
    assert [each.measure for each in found] == [JS]
    assert found[0].value == pytest.approx(by_hand(new, old, QUANTILES), rel=1e-6)
    assert found[0].held
    held = [bucket.sample_count for bucket in views(new.statistics)["price"].histograms[QUANTILES].buckets]
    assert held == pytest.approx([500] * 10, rel=0.05)
    assert [each.measure for each in measure(new, old, [PRICE], Drift())] == [KS, MISSING]


def without_quantiles(found: Side) -> Side:
    statistics = found.statistics.features[0].num_stats
    kept = [histogram for histogram in statistics.histograms if histogram.type == STANDARD]
    del statistics.histograms[:]
    statistics.histograms.extend(kept)
    return found


def test_without_quantiles_the_buckets_are_equally_wide() -> None:
    """By TFDV's histograms exactly; by NumPy's of the raw values nearly, since TFDV makes its own from quantiles."""
    drawn = [RANDOM.uniform(0, end, 4_000) for end in (4, 3)]
    new, old = (
        without_quantiles(side(name, {"price": values}))
        for name, values in zip(("span 2", "span 1"), drawn, strict=True)
    )
    found = measure(new, old, [PRICE], ONLY_JS)[0]
    assert found.value == pytest.approx(by_hand(new, old, STANDARD), rel=1e-6)
    counts, cuts = zip(*(np.histogram(values, 10) for values in drawn), strict=True)
    raw = in_the_same_buckets(
        [cut[:-1] for cut in cuts], [cut[1:] for cut in cuts], [count.astype(float) for count in counts]
    )
    assert found.value == pytest.approx(raw, abs=0.02)


def test_one_outlier_ruins_the_divergence_over_equally_wide_buckets() -> None:
    """All values but one are in the first of ten buckets, as if evenly spread over 100,000."""
    new, old = np.append(prices(1), 1e6), prices(1)
    sides = [without_quantiles(side(name, {"price": values})) for name, values in (("span 2", new), ("span 1", old))]
    found = measure(*sides, [PRICE], ONLY_JS)[0]
    assert found.value is not None
    assert found.value > 0.99
    assert one({"price": new}, {"price": old}, "price").held


@pytest.mark.parametrize(("factor", "held"), [(1.0, True), (1.2, True), (2.0, False), (100.0, False)])
def test_a_change_of_unit_does_not_hold(factor: float, held: bool) -> None:
    old, new = prices(1), prices(factor)
    assert one({"price": new}, {"price": old}, "price").held is held


def test_infinite_values_never_hold() -> None:
    found = one({"price": np.append(prices(1), [np.inf] * 1_000)}, {"price": prices(1)}, "price")
    assert (found.value, found.held) == (None, False)
    assert str(found) == (
        "comparison: no Kolmogorov–Smirnov distance can be computed of it, so there is nothing to compare"
    )


def test_a_long_tail_is_said_to_be_cut() -> None:
    """TFDV lists 1,000 values, and its estimates of rare ones' counts are too high."""
    tail = [f"v{number % 2_000}" for number in range(4_000)]
    found = one({"device": tail + ["new"] * 1_000}, {"device": tail}, "device")
    assert found.value == pytest.approx(0.2, abs=0.01)  # 1,000 of 5,000
    assert found.detail.startswith("largest change: 'new', span 1: 0, span 2: 0.204; among the 1,000 most frequent of ")
    assert "most frequent" not in one(rows(), rows(), "device").detail
