"""What the canary judges by."""

from __future__ import annotations

import json

import numpy as np
import pytest

from components.serving_canary.checks import (
    MAX_DIFFERENCE,
    answers_check,
    latency_check,
    verdict,
    verdict_without_checks,
)

OFFLINE = np.array([0.25, 0.5, 1.0])


def test_the_worst_difference_of_all_ways_counts() -> None:
    check = answers_check("rows", OFFLINE, {"a": OFFLINE, "b": OFFLINE - np.array([0, 5e-7, 2e-7])})
    assert check.held
    assert check.rows == 3
    assert check.value == pytest.approx(5e-7)
    apart = answers_check("rows", OFFLINE, {"a": OFFLINE, "b": OFFLINE - np.array([0, 0, 1.5e-6])})
    assert not apart.held
    assert apart.value == pytest.approx(1.5e-6)
    assert apart.bound == MAX_DIFFERENCE


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (np.array([0.25, np.nan, 1.0]), "way: 1 of 3 answers are no probability, row 2 is nan"),
        (np.array([0.25, 0.5, 1.0000001]), "way: 1 of 3 answers are no probability, row 3 is 1.0000001"),
        (np.array([-1e-9, np.inf, 1.0]), "way: 2 of 3 answers are no probability, row 1 is -1e-09"),
        (np.array([0.25, 0.5]), "way: 2 answers to 3 rows"),
        ("UNAVAILABLE: gone", "way: UNAVAILABLE: gone"),
    ],
)
def test_what_cannot_be_compared_never_passes(answer: np.ndarray | str, detail: str) -> None:
    check = answers_check("rows", OFFLINE, {"other": OFFLINE, "way": answer})
    assert (check.held, check.value, check.detail) == (False, None, detail)


def test_a_difference_that_is_no_number_does_not_pass() -> None:
    assert not answers_check("rows", np.array([np.nan]), {"way": np.array([0.5])}).held


def test_latency_is_held_to_its_bound() -> None:
    assert latency_check("REST", 250.0, 250.0).held
    late = latency_check("REST", 250.1, 250.0)
    assert (late.held, late.value, late.unit) == (False, 250.1, "ms")
    assert latency_check("REST", "HTTP 503: x", 250.0)[3:] == (None, 250.0, "ms", False, "HTTP 503: x")


def test_a_verdict_is_json_and_passes_only_where_all_hold() -> None:
    good = answers_check("rows", OFFLINE, {"a": OFFLINE})
    bad = answers_check("rows", OFFLINE, {"a": OFFLINE * np.nan})
    assert verdict([good])["state"] == "passed"
    assert verdict([good, bad])["state"] == "refused"
    for found in (verdict([good, bad]), verdict_without_checks("skipped", "why")):
        assert json.loads(json.dumps(found, allow_nan=False)) == found
