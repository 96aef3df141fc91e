"""Each limit of the data gate, held and not."""

from __future__ import annotations

from typing import Any

import pytest

from components.anomaly_gate.comparisons import CHECKED, EMPTY, OFF, UNCHECKED, Compared
from components.anomaly_gate.decision import Anomaly, Decision, decide
from components.anomaly_gate.measured import LINF, Measured, nothing
from configs.anomalies import AnomalyLimits
from configs.settings import Creatives, RowLimits

NO_CREATIVES: dict[str, Any] = {"distinct": 0, "unusable": {}}


def anomaly(
    feature: str = "device", kind: str = "ENUM_TYPE_UNEXPECTED_STRING_VALUES", severity: str = "ERROR"
) -> Anomaly:
    return Anomaly("train", feature, kind, severity, "Unexpected values: tv (<1%).")


UNDRIFTED = Compared(UNCHECKED, "no earlier span than span 1")
NO_SKEW = Compared(OFF, "anomalies.serving_statistics names no file")


def judge(
    rejected: dict[str, int] | None = None,
    creatives: dict[str, Any] = NO_CREATIVES,
    anomalies: tuple[Anomaly, ...] = (),
    rows: RowLimits | None = None,
    drift: Compared = UNDRIFTED,
    skew: Compared = NO_SKEW,
    **limits: Any,
) -> Decision:
    counts = {"read": 1_000, "rejected": rejected or {}}
    return decide(counts, creatives, anomalies, drift, skew, rows or RowLimits(), Creatives(), AnomalyLimits(**limits))


def compared(*measured: Measured) -> Compared:
    return Compared(CHECKED, "", "span 2 (1,000 rows)", "span 1 (900 rows)", "/span-1.pb", measured)


def changed(feature: str = "device", value: float = 0.5) -> Measured:
    return Measured(feature, LINF, "max |…|", value, 0.2, 0.05, "largest change: 'tv', span 1: 0.1, span 2: 0.6")


def test_clean_data_passes_with_each_limit_on_record() -> None:
    decision = judge()
    assert decision.passed
    assert decision.reasons() == []
    assert [(check.name, check.value, check.limit, check.held) for check in decision.checks] == [
        ("share of rejected rows", 0.0, 0.01, True),
        ("share of unusable creatives", 0.0, 0.05, True),
    ]


@pytest.mark.parametrize(("bad", "passed"), [(10, True), (11, False)])
def test_rejected_rows(bad: int, passed: bool) -> None:
    """10 of 1,000 is the limit of 0.01 itself, 11 is over it."""
    decision = judge({"bad_label": bad - 1, "bad_number": 1})
    assert decision.passed is passed
    assert decision.reasons() == (
        []
        if passed
        else [
            "share of rejected rows: 0.011, at most 0.01; "
            "see rejects.csv of the run's report, correct the files or raise data.limits.max_rejected_share"
        ]
    )


def test_a_reason_has_a_limit_of_its_own() -> None:
    rows = RowLimits(max_rejected_share=1.0, max_rejected_share_by_reason={"bad_label": 0.001, "bad_number": 0.5})
    decision = judge({"bad_label": 2, "bad_number": 400}, rows=rows)
    assert not decision.passed
    assert [(check.name, check.value, check.held) for check in decision.checks[:3]] == [
        ("share of rejected rows", 0.402, True),
        ("share of rows rejected as bad_label", 0.002, False),
        ("share of rows rejected as bad_number", 0.4, True),
    ]
    assert decision.reasons() == [
        "share of rows rejected as bad_label: 0.002, at most 0.001; see rejects.csv of the run's report, "
        "correct the files or raise data.limits.max_rejected_share_by_reason"
    ]


@pytest.mark.parametrize(("unusable", "passed"), [({"missing": 3, "corrupt": 2}, True), ({"missing": 6}, False)])
def test_unusable_creatives(unusable: dict[str, int], passed: bool) -> None:
    """5 of 100 is the limit of 0.05 itself, 6 is over it."""
    decision = judge(creatives={"distinct": 100, "unusable": unusable})
    assert decision.passed is passed
    assert decision.reasons() == (
        []
        if passed
        else [
            "share of unusable creatives: 0.06, at most 0.05; see unusable.csv of the creative store, "
            "deliver the images or raise creatives.max_unusable_share"
        ]
    )


def test_an_error_stops_and_a_warning_is_noted() -> None:
    error, warning = anomaly(), anomaly("age", severity="WARNING")
    decision = judge(anomalies=(error, warning))
    assert (decision.passed, decision.stopping, decision.accepted, decision.noted) == (False, [error], [], [warning])
    assert decision.reasons() == [
        "train split: feature 'device': ENUM_TYPE_UNEXPECTED_STRING_VALUES: Unexpected values: tv (<1%).; correct the "
        "data or the schema, or accept it with --accept device:ENUM_TYPE_UNEXPECTED_STRING_VALUES"
    ]


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        (("device",), True),
        (("device:ENUM_TYPE_UNEXPECTED_STRING_VALUES",), True),
        (("device:FEATURE_TYPE_LOW_FRACTION_PRESENT", "age"), False),
    ],
)
def test_an_accepted_anomaly_is_on_record_and_stops_nothing(accept: tuple[str, ...], accepted: bool) -> None:
    decision = judge(anomalies=(anomaly(),), accept=accept)
    assert decision.passed is accepted
    assert decision.accepted == ([anomaly()] if accepted else [])
    assert decision.stopping == ([] if accepted else [anomaly()])


def test_every_reason_is_told_at_once() -> None:
    decision = judge({"bad_label": 500}, {"distinct": 2, "unusable": {"missing": 2}}, (anomaly(),))
    assert [reason.split(":")[0] for reason in decision.reasons()] == [
        "share of rejected rows",
        "share of unusable creatives",
        "train split",
    ]


@pytest.mark.parametrize(
    ("severity", "stopping", "noted"),
    [
        ({}, 1, 0),
        ({"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "warning"}, 0, 1),
        ({"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "ignore"}, 0, 0),
        ({"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "ignore", "device:ENUM_TYPE_UNEXPECTED_STRING_VALUES": "error"}, 1, 0),
        ({"age:ENUM_TYPE_UNEXPECTED_STRING_VALUES": "warning"}, 1, 0),
        ({"FEATURE_TYPE_NOT_PRESENT": "ignore"}, 1, 0),
    ],
)
def test_the_severity_of_a_type_is_what_settings_say(severity: dict[str, str], stopping: int, noted: int) -> None:
    decision = judge(anomalies=(anomaly(),), severity=severity)
    assert (len(decision.stopping), len(decision.noted), decision.passed) == (stopping, noted, not stopping)


def test_a_warning_can_be_made_an_error() -> None:
    decision = judge(anomalies=(anomaly(severity="WARNING"),), severity={"ENUM_TYPE_UNEXPECTED_STRING_VALUES": "error"})
    assert [one.severity for one in decision.stopping] == ["ERROR"]


def test_an_anomaly_of_all_the_data_is_accepted_by_no_name() -> None:
    decision = judge(anomalies=(anomaly("", "NO_DATA_IN_SPAN"),), accept=("device",))
    assert not decision.passed
    assert decision.reasons() == [
        "train split: NO_DATA_IN_SPAN: Unexpected values: tv (<1%).; correct the data or the schema"
    ]


@pytest.mark.parametrize(("part", "kind"), [("drift", "DRIFT"), ("skew", "SKEW")])
def test_a_measurement_that_does_not_hold_stops_with_all_its_numbers(part: str, kind: str) -> None:
    within = changed("country", 0.2499)
    decision = judge(**{part: compared(changed(), within)})
    assert [(one.feature, one.type, one.value, one.threshold, one.measure) for one in decision.stopping] == [
        ("device", kind, 0.5, 0.25, LINF)
    ]
    assert decision.reasons() == [
        f"{kind.lower()} of feature 'device': L∞ distance of the value shares: 0.5 (largest change: 'tv', span 1: 0.1, "
        "span 2: 0.6), at most 0.2 + 0.05 for sampling; span 2 (1,000 rows) against span 1 (900 rows); correct the "
        f"data, or accept it with --accept device:{kind}"
    ]
    assert decision.as_json()["stopping"] == [
        {
            "split": "span 2 (1,000 rows)",
            "feature": "device",
            "type": kind,
            "severity": "ERROR",
            "description": str(changed()),
            "value": 0.5,
            "threshold": 0.25,
            "measure": LINF,
            "reference": "span 1 (900 rows)",
        }
    ]


def test_a_measurement_without_a_value_stops() -> None:
    decision = judge(drift=compared(nothing("device", "the statistics of span 1 lack the feature")))
    assert decision.reasons() == [
        "drift of feature 'device': comparison: the statistics of span 1 lack the feature, so there is nothing to "
        "compare; span 2 (1,000 rows) against span 1 (900 rows); correct the data, or accept it with "
        "--accept device:DRIFT"
    ]


@pytest.mark.parametrize("accept", ["device", "device:DRIFT"])
def test_accepted_drift_keeps_its_number(accept: str) -> None:
    decision = judge(drift=compared(changed()), accept=(accept,))
    assert decision.passed
    assert [(one.type, one.value, one.threshold) for one in decision.accepted] == [("DRIFT", 0.5, 0.25)]
    assert not judge(drift=compared(changed()), accept=("device:SKEW",)).passed


def test_drift_can_be_a_warning() -> None:
    decision = judge(drift=compared(changed()), severity={"DRIFT": "warning"})
    assert (decision.passed, [one.feature for one in decision.noted]) == (True, ["device"])


def test_what_is_accepted_in_vain_is_told() -> None:
    decision = judge(drift=compared(changed()), accept=("device", "age", "device:SKEW"))
    assert decision.unused_accept == ["age", "device:SKEW"]


@pytest.mark.parametrize("part", ["drift", "skew"])
def test_an_empty_reference_stops_and_nothing_accepts_it(part: str) -> None:
    empty = Compared(EMPTY, "the statistics of span 1 (/span-1.pb): is empty: its statistics are over 0 rows")
    decision = judge(**{part: empty}, accept=("device",))
    assert not decision.passed
    assert len(decision.reasons()) == 1
    assert decision.reasons()[0].startswith(f"{part}: {empty.reason}; ")


def test_drift_that_could_not_be_checked_stops_where_a_reference_is_required() -> None:
    assert judge().passed
    assert judge().as_json()["drift"]["state"] == "unchecked"
    decision = judge(require_reference=True)
    assert decision.reasons() == [
        "drift: unchecked: no earlier span than span 1; give a span before it, or set anomalies.require_reference to "
        "false"
    ]
    assert judge(drift=compared(), require_reference=True).passed
