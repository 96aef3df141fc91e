"""Statistics of one span beside another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.run_report.feature_statistics import BINS, feature_statistics

Makers = dict[str, Callable[..., Any]]


def test_a_number_beside_the_span_before(statistics: Makers) -> None:
    """Now 0 to 10 with 30 + 10 rows, before 0 to 20 with 20 + 20: bins of 1 from 0 to 20.

    A bin of the lower half holds 30/40/5 = 0.15 now, one of the next quarter 10/40/5 = 0.05, then nothing; before,
    every bin holds 1/20.
    """
    now = statistics["dataset"](statistics["number"]("age", 0.0, 10.0, [30, 10], 10), rows=50)
    before = statistics["dataset"](statistics["number"]("age", 0.0, 20.0, [20, 20], 0), rows=40)
    (found,) = feature_statistics(now, before, lambda name: {"age": "numeric"}[name])
    assert (found["name"], found["kind"]) == ("age", "numeric")
    assert found["newest"] == {
        "rows": 50, "values": 40, "missing_share": 0.2, "mean": 5.0, "std_dev": 1.5, "min": 0.0, "median": 5.0,
        "max": 10.0,
    }  # fmt: skip
    assert found["previous"]["missing_share"] == 0.0
    assert (found["shape"]["low"], found["shape"]["high"]) == (0.0, 20.0)
    assert found["shape"]["newest"] == pytest.approx([0.15] * 5 + [0.05] * 5 + [0.0] * 10)
    assert found["shape"]["previous"] == pytest.approx([1 / BINS] * BINS)


def test_a_string_and_a_feature_that_is_new(statistics: Makers) -> None:
    now = statistics["dataset"](
        statistics["string"]("country", {"DE": 30, "FR": 10}, 10),
        statistics["string"]("new", {"x" * 99: 50}, 0),
        rows=50,
    )
    before = statistics["dataset"](statistics["string"]("country", {"DE": 5, "FR": 5}, 0), rows=10)
    country, new = feature_statistics(now, before, lambda _: "categorical")
    assert country["newest"] == {
        "rows": 50, "values": 40, "missing_share": 0.2, "distinct": 2,
        "top": [
            {"value": "DE", "share": 0.75, "previous_share": 0.5},
            {"value": "FR", "share": 0.25, "previous_share": 0.5},
        ],
    }  # fmt: skip
    assert country["previous"]["top"][0] == {"value": "DE", "share": 0.5}
    assert new["previous"] is None
    assert new["newest"]["top"][0]["value"] == "x" * 60 + "…"


def test_of_a_key_no_values_are_listed(statistics: Makers) -> None:
    spans = [statistics["dataset"](statistics["string"]("user", {"u1": 2, "u2": 1}, 0), rows=3) for _ in range(2)]
    (found,) = feature_statistics(*spans, lambda _: "key")
    assert (found["newest"]["distinct"], found["newest"]["top"], found["previous"]["top"]) == (2, [], [])


def test_without_a_span_before_and_without_spread(statistics: Makers) -> None:
    now = statistics["dataset"](statistics["number"]("constant", 3.0, 3.0, [5], 0), rows=5)
    (found,) = feature_statistics(now, None, lambda _: "")
    assert (found["previous"], found["shape"]) == (None, None)
