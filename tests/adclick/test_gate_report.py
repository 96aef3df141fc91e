"""What a stopped run's summary keeps of the data gate, and what the terminal says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adclick.errors import AdclickError, DataGateError
from adclick.gate_report import gate_lines, gate_of
from components.run_report.summary import gate_part

OFF = {"state": "off", "reason": "anomalies.serving_statistics names no file", "measured": []}


def anomaly(feature: str, **known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("value", "threshold", "measure", "reference"))
    return {"split": "train", "feature": feature, "type": "DRIFT", "severity": "ERROR", **empty, **known}


def measured(feature: str, value: float | None, threshold: float, sampling: float) -> dict[str, Any]:
    numbers = {"value": value, "threshold": threshold, "sampling": sampling}
    return {"feature": feature, "measure": "L∞ distance of the value shares", **numbers}


def verdict(**changes: Any) -> dict[str, Any]:
    checked = {
        "state": "checked",
        "new": "span 3 (1,000 rows)",
        "reference": "span 2 (900 rows)",
        "measured": [
            measured("country", 0.16, 0.2, 0.05),
            measured("device", 0.5, 0.6, 0.02),
            measured("price", None, 0.0, 0.0),
        ],
    }
    return {
        "passed": True,
        "reasons": [],
        "checks": [{"name": "share of rejected rows"}],
        "stopping": [],
        "accepted": [],
        "noted": [],
        "unused_accept": [],
        "drift": checked,
        "skew": OFF,
        **changes,
    }


def test_the_measurement_nearest_to_its_limit_is_told() -> None:
    """country 0.16 of 0.25 is 64 %, device 0.5 of 0.62 is 81 %."""
    assert gate_lines(gate_part(verdict())) == [
        "anomalies  0 noted, 0 accepted",
        "drift      span 3 (1,000 rows) against span 2 (900 rows): nearest to its limit device, "
        "L∞ distance of the value shares 0.5, at most 0.62",
    ]


def test_what_was_accepted_is_told_with_its_number() -> None:
    accepted = [anomaly("device", value=0.7123, threshold=0.25), anomaly("age", type="FEATURE_TYPE_NOT_PRESENT")]
    found = gate_part(verdict(accepted=accepted, noted=[anomaly("x")], unused_accept=["position", "site:SKEW"]))
    assert [(one["feature"], one["decision"]) for one in found["anomalies"]] == [
        *[("device", "accepted"), ("age", "accepted")],
        ("x", "noted"),
    ]
    assert gate_lines(found)[:2] == [
        "anomalies  1 noted, 2 accepted (device:DRIFT 0.712, limit 0.25; age:FEATURE_TYPE_NOT_PRESENT)",
        "           accepted in vain, no such anomaly: position, site:SKEW",
    ]


def test_what_was_not_looked_at_never_reads_as_passed() -> None:
    unchecked = {"state": "unchecked", "reason": "no earlier span than span 1", "measured": []}
    assert gate_lines(gate_part(verdict(drift=unchecked)))[1:] == ["drift      unchecked: no earlier span than span 1"]


def test_skew_is_told_where_it_was_asked_for() -> None:
    nothing = {**verdict()["drift"], "new": "training", "reference": "serving", "measured": [measured("a", None, 0, 0)]}
    assert gate_lines(gate_part(verdict(skew=nothing)))[-1] == "skew       training against serving: nothing to compare"
    zero = {**nothing, "measured": [measured("a", 0.0, 0.0, 0.0)]}
    assert gate_lines(gate_part(verdict(skew=zero)))[-1].endswith(" a, L∞ distance of the value shares 0, at most 0")


def test_a_run_that_the_gate_stopped_keeps_its_verdict() -> None:
    refused = verdict(passed=False, stopping=[anomaly("device")])
    part = gate_of({}, DataGateError("the data gate stops the run", refused))
    assert [(one["feature"], one["decision"]) for one in part["anomalies"]] == [("device", "stopping")]
    assert part["gate"] == {key: refused[key] for key in ("passed", "checks", "unused_accept", "drift", "skew")}


def test_a_run_that_failed_behind_the_gate_keeps_its_artifact(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text(json.dumps(verdict(noted=[anomaly("age")])))
    part = gate_of({"AnomalyGate": {"verdict": str(tmp_path)}}, AdclickError("out of memory"))
    assert [one["decision"] for one in part["anomalies"]] == ["noted"]


def test_a_run_that_failed_before_the_gate_has_none() -> None:
    assert gate_of({}, MemoryError()) == {"anomalies": [], "gate": None} == gate_of({}, DataGateError("no rows"))
