"""Each limit of the data gate, held and not."""

from __future__ import annotations

from typing import Any

import pytest

from components.anomaly_gate.decision import Anomaly, Decision, decide
from configs.settings import AnomalyLimits, Creatives, RowLimits

NO_CREATIVES: dict[str, Any] = {"distinct": 0, "unusable": {}}


def anomaly(
    feature: str = "device", kind: str = "ENUM_TYPE_UNEXPECTED_STRING_VALUES", severity: str = "ERROR"
) -> Anomaly:
    return Anomaly("train", feature, kind, severity, "Unexpected values: tv (<1%).")


def judge(
    rejected: dict[str, int] | None = None,
    creatives: dict[str, Any] = NO_CREATIVES,
    anomalies: tuple[Anomaly, ...] = (),
    rows: RowLimits | None = None,
    accept: tuple[str, ...] = (),
) -> Decision:
    counts = {"read": 1_000, "rejected": rejected or {}}
    return decide(counts, creatives, anomalies, rows or RowLimits(), Creatives(), AnomalyLimits(accept=accept))


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
        "data or the schema, or accept it with anomalies.accept: [device:ENUM_TYPE_UNEXPECTED_STRING_VALUES]"
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
