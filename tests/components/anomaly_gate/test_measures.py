"""What is compared of each kind of feature, and what never holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gate_data import TABLE, one, rows, side
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.anomaly_gate.feature_view import views
from components.anomaly_gate.measured import KS, LABEL_RATE, LINF, MISSING, REFERENCE, Side
from components.anomaly_gate.measures import measure
from components.anomaly_gate.sampling import share_allowance
from configs.anomalies import Comparison, Drift

RANDOM = np.random.default_rng(3)
DEVICE, PRICE = TABLE["device"], TABLE["price"]


def test_a_share_of_missing_values_is_compared_for_every_kind() -> None:
    """0 → 150 of 1,000 rows."""
    old = rows()
    new = {name: [None] * 150 + values[150:] for name, values in old.items()}
    limits = Drift(linf=None, ks=None, label_rate=None)
    found = measure(side("span 2", new), side("span 1", old), TABLE.written, limits)
    assert [(each.feature, each.measure) for each in found] == [(name, MISSING) for name in old]
    for each in found:
        assert each.value == pytest.approx(0.15)
        assert each.sampling == pytest.approx(4 * (0.075 * 0.925 * 2 / 1_000) ** 0.5)  # 0.0471
        assert not each.held
        assert str(each) == (
            "change of the share of missing values: 0.15 (span 1: 0, span 2: 0.15), at most 0.1 + 0.047 for sampling"
        )


def test_the_label_rate_is_compared_by_its_ratio() -> None:
    """10 % → 5 %: half the rate. Chance: 4 √(0.075 · 0.925 · 2/10,000) / 0.1 = 0.149."""
    found = one(rows(10_000, clicks=0.05), rows(10_000, clicks=0.1), "clicked")
    assert (found.measure, found.value, found.held) == (LABEL_RATE, pytest.approx(0.5), False)
    assert found.sampling == pytest.approx(0.149, abs=5e-4)
    few = one(rows(100, clicks=0.05), rows(100, clicks=0.1), "clicked")
    assert few.value == pytest.approx(0.5)
    assert few.held  # 5 clicks against 10 of 100 rows are chance


def test_identifiers_texts_and_times_are_not_compared_unless_asked_for() -> None:
    old, new = rows(), {**rows(), "id": [f"new{number}" for number in range(1_000)], "title": ["another"] * 1_000}
    sides = side("span 2", new), side("span 1", old)
    names = [(each.feature, each.measure) for each in measure(*sides, TABLE.written, Drift(missing=None))]
    assert names == [("device", LINF), ("price", KS), ("clicked", LABEL_RATE)]
    asked = {each.feature: each for each in measure(*sides, TABLE.written, Drift(by_feature={"title": 0.5}))}
    assert asked["title"].measure == MISSING  # the last of its two
    found = measure(*sides, [TABLE["title"]], Drift(by_feature={"title": 0.5}, missing=None))
    assert [(each.value, each.threshold, each.held) for each in found] == [(1.0, 0.5, False)]


def test_a_feature_has_its_own_threshold_or_none() -> None:
    new, old = rows(devices={"phone": 0.4, "tv": 0.6}), rows()
    assert not one(new, old, "device").held
    assert one(new, old, "device", by_feature={"device": 0.3}).threshold == 0.3
    sides = side("span 2", new), side("span 1", old)
    assert measure(*sides, [DEVICE], Drift(by_feature={"device": "off"})) == []


def test_served_requests_have_no_label_rate() -> None:
    assert (
        measure(side("training", rows()), side("serving", rows()), [TABLE["clicked"]], Comparison(missing=None)) == []
    )


EMPTY = {"device": [None] * 50, "price": [None] * 50, "clicked": [None] * 50, "id": [None] * 50, "title": [None] * 50}


@pytest.mark.parametrize("feature", ["device", "price", "clicked", "id", "title"])
@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        (rows(), EMPTY, "no row of span 1 has a value of it"),
        (rows(), {"other": ["x"] * 50}, "the statistics of span 1 lack the feature"),
        (EMPTY, rows(), "no row of span 2 has a value of it"),
        ({"other": ["x"] * 50}, rows(), "the statistics of span 2 lack the feature"),
        (EMPTY, EMPTY, "no row of span 1 has a value of it"),
    ],
)
def test_an_empty_side_never_holds(feature: str, new: dict[str, Any], old: dict[str, Any], why: str) -> None:
    """TFDV gives such a feature no number and, for most, no anomaly."""
    found = measure(side("span 2", new), side("span 1", old), [TABLE[feature]], Drift())
    assert [(each.measure, each.value, each.held) for each in found] == [(REFERENCE, None, False)]
    assert str(found[0]) == f"comparison: {why}, so there is nothing to compare"


def test_a_rate_without_clicks_is_no_reference() -> None:
    found = one(rows(), rows(clicks=0.0), "clicked")
    assert not found.held
    assert str(found) == "comparison: no row of span 1 has label 1, so there is nothing to compare"
    assert one(rows(clicks=0.0), rows(1_000, clicks=0.5), "clicked").value == 1.0


def stripped(found: Side) -> Side:
    """Counts are there, and what distributions are made of is not."""
    for feature in found.statistics.features:
        feature.num_stats.ClearField("histograms") if feature.HasField("num_stats") else (
            feature.string_stats.ClearField("rank_histogram")
        )
    return found


@pytest.mark.parametrize(
    ("feature", "why"),
    [
        ("device", "the statistics of serving list no strings of it"),
        ("price", "the statistics of serving hold no histogram of it"),
    ],
)
def test_statistics_without_histograms_never_hold(feature: str, why: str) -> None:
    found = measure(side("training", rows()), stripped(side("serving", rows())), [TABLE[feature]], Comparison())
    assert [(each.value, each.held) for each in found] == [(None, False), (0.0, True)]
    assert found[0].detail.startswith(why)


def test_a_feature_that_was_a_string_is_not_compared_with_a_number() -> None:
    found = one({"price": [1.5, 2.5] * 50}, {"price": ["a", "b"] * 50}, "price")
    assert (found.value, found.held) == (None, False)
    assert "the statistics of span 1 hold no histogram of it" in found.detail


@pytest.mark.parametrize("count", [100, 1_000])
def test_samples_of_one_population_hold(count: int) -> None:
    """40 pairs of spans: without what chance adds, small ones would not hold."""
    beyond = 0
    for _ in range(40):
        drawn = [
            side(
                name,
                {
                    "device": RANDOM.choice(["phone", "tv", "watch"], count, p=[0.5, 0.3, 0.2]),
                    "price": RANDOM.gamma(2, 1, count),
                    "clicked": (RANDOM.random(count) < 0.2).astype(int),
                },
            )
            for name in ("span 2", "span 1")
        ]
        found = measure(*drawn, [DEVICE, PRICE, TABLE["clicked"]], Drift())
        assert len(found) == 6
        assert [str(each) for each in found if not each.held] == []
        beyond += sum(each.value > each.threshold for each in found if each.value is not None)
    assert beyond > 0 if count == 100 else beyond < 4


def test_by_chance_means_four_standard_deviations() -> None:
    """4 √(0.25 (1/100 + 1/400)) = 0.2236."""
    assert share_allowance(0.5, 100, 0.5, 400) == pytest.approx(0.2236, abs=1e-4)
    assert share_allowance(0.0, 100, 0.0, 400) == 0.0


def test_statistics_name_a_feature_by_name_or_path() -> None:
    """Both spellings are TFDV's."""
    found = side("span 1", rows())
    renamed = statistics_pb2.DatasetFeatureStatistics()
    renamed.CopyFrom(found.statistics)
    for feature in renamed.features:
        feature.name = feature.path.step[0]
    assert views(renamed) == views(found.statistics)
    assert one(rows(), rows(), "device").value == 0.0
    both = measure(Side("span 2", renamed, ""), found, [DEVICE], Drift(missing=None))
    assert both[0].value == 0.0
