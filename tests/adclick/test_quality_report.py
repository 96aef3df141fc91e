"""The verdict of the gate on the model, on the terminal."""

from __future__ import annotations

from typing import Any

from adclick.quality_report import bound_lines, decision_line


def bound(**changes: Any) -> dict[str, Any]:
    found = {"name": "AUC change", "value": -0.001, "relation": "≥", "bound": -0.005, "state": "held", "held": True}
    more = {"low": -0.003, "high": 0.001, "p_value": 1.0, "slice": None, "rows": None, "clicks": None, "note": ""}
    return {**found, **more, **changes}


def sliced(slice_name: str, **changes: Any) -> dict[str, Any]:
    return bound(slice=slice_name, rows=900, clicks=80, bound=-0.02, **changes)


def test_bounds_on_all_rows_are_listed_with_their_intervals() -> None:
    error = {"name": "expected calibration error", "relation": "≤", "value": 0.06, "bound": 0.05, "low": None}
    noise = "a calibrated model shows up to 0.0200 by chance"
    floor = bound(name="AUC", value=None, bound=0.55, low=None, state="failed", held=False)
    verdict = {
        "bounds": [bound(), bound(state="unclear", low=-0.01), bound(**error, state="unclear", note=noise), floor]
    }
    assert bound_lines(verdict) == [
        "  held    AUC change -0.0010 [-0.0030, 0.0010] ≥ -0.005",
        "  unclear AUC change -0.0010 [-0.0100, 0.0010] ≥ -0.005",
        "  unclear expected calibration error 0.0600 ≤ 0.05 (a calibrated model shows up to 0.0200 by chance)",
        "  FAILED  AUC undefined ≥ 0.55",
    ]


def test_an_unclear_bound_that_blocks_says_by_which_setting() -> None:
    (line,) = bound_lines({"bounds": [bound(state="unclear", held=False)]})
    assert line.endswith("≥ -0.005, blocks by evaluation.when_unclear")


def test_slices_that_failed_are_listed_and_no_others() -> None:
    failed = sliced("device=tv", value=-0.2, low=-0.25, high=-0.15, state="failed", held=False, p_value=1e-9)
    assert bound_lines({"bounds": [bound(), sliced("device=phone"), failed]}) == [
        "  held    AUC change -0.0010 [-0.0030, 0.0010] ≥ -0.005",
        "  FAILED  AUC change in device=tv -0.2000 [-0.2500, -0.1500] ≥ -0.02",
    ]
    many = [{**failed, "slice": f"site={number}"} for number in range(14)]
    lines = bound_lines({"bounds": many})
    assert len(lines) == 11
    assert lines[-1] == "  FAILED  4 more bounds of slices, see summary.json"


def test_slices_that_hold_are_counted_with_the_one_nearest_to_its_bound() -> None:
    near = sliced("device=tv", value=-0.015, low=-0.03, high=0.0, state="unclear", p_value=0.4)
    assert bound_lines({"bounds": [sliced("device=phone"), near, sliced("device=tv", name="other")]}) == [
        "  held    3 bounds of 2 slices, 1 of them unclear for so few rows; nearest to its bound: "
        "AUC change in device=tv -0.0150 [-0.0300, 0.0000] ≥ -0.02"
    ]


def test_slices_that_are_too_small_are_told() -> None:
    left_out = [{"slice": f"site={n}", "rows": n, "clicks": 0, "reason": f"{n} rows, fewer than 500"} for n in range(5)]
    assert bound_lines({"bounds": [], "slices_too_small": {"count": 1, "largest": left_out[:1]}}) == [
        "  left out 1 slice too small to decide (site=0: 0 rows, fewer than 500)"
    ]
    (line,) = bound_lines({"bounds": [], "slices_too_small": {"count": 1_000, "largest": left_out}})
    assert line == (
        "  left out 1,000 slices too small to decide (site=0: 0 rows, fewer than 500; site=1: 1 rows, fewer than 500; "
        "site=2: 2 rows, fewer than 500; and 997 more)"
    )


FORCE = {"reason": "a day of clicks is missing", "who": "ada", "at": "2026-01-31T08:00:00+00:00"}


def decision(version: int | None, **verdict: Any) -> str:
    return decision_line({"pushed_version": version, "verdict": {"blessed": True, "reasons": [], **verdict}})


def test_the_last_line_says_what_became_of_the_model_and_why() -> None:
    assert decision(7) == "BLESSED: version 7 is in service"
    assert decision(None, blessed=False, reasons=["one", "two"]) == "NOT BLESSED: nothing was pushed: one; two"
    assert decision(None, reasons=["withdrawn"]) == "BLESSED, but not in service: withdrawn"


def test_a_forced_model_is_told_with_reason_and_failed_bounds() -> None:
    assert decision(7, force={**FORCE, "overruled": ["AUC 0.5 is not ≥ 0.55", "b"]}) == (
        "BLESSED BY FORCE (--force-bless by ada: a day of clicks is missing): version 7 is in service, "
        "although AUC 0.5 is not ≥ 0.55; b"
    )
    assert decision(7, force={**FORCE, "overruled": []}) == (
        "BLESSED: version 7 is in service "
        "(no bound failed: --force-bless by ada: a day of clicks is missing was not needed)"
    )
    refused = decision(None, blessed=False, reasons=["serving canary: x"], force={**FORCE, "overruled": ["b"]})
    assert refused == "NOT BLESSED: nothing was pushed: serving canary: x"
