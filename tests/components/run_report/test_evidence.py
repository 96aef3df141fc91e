"""What a report shows, from a run's artifacts; and examples of what was refused."""

from __future__ import annotations

from typing import Any

from components.run_report.evidence import PARTS, Sources, evidence
from components.run_report.reject_examples import reject_examples


def test_each_part_comes_from_its_artifact(whole_summary: dict[str, Any]) -> None:
    found = whole_summary["evidence"]
    assert tuple(found) == PARTS
    assert all(part is not None for part in found.values())
    assert [one["line"] for one in found["rejects"]] == [10, 11, 12, 40]
    assert found["unusable_creatives"] == [
        {"path": "images/gone.png", "reason": "missing", "detail": "", "impressions": 7}
    ]
    assert (found["features"]["span"], found["features"]["previous_span"]) == (2, 1)
    assert found["features"]["features"][0]["previous"]["rows"] == 1000
    assert sorted(found["curves"]) == ["baseline", "candidate"]


def test_what_is_not_there_is_none() -> None:
    assert evidence(Sources(), {}, None) == dict.fromkeys(PARTS)


def test_of_a_run_before_training_there_is_what_it_left(sources: Sources) -> None:
    found = evidence(sources._replace(model_run="", creative_store=""), {}, None)
    assert [name for name, part in found.items() if part is not None] == ["rejects", "features"]


def test_a_vanished_span_leaves_no_statistics(sources: Sources) -> None:
    assert evidence(Sources(span_statistics=f"{sources.span_statistics}/gone"), {}, None)["features"] is None


def test_examples_are_cut_and_stop_at_three_a_reason(sources: Sources) -> None:
    assert reject_examples(sources.ingest_report, {}) == []
    assert len(reject_examples(sources.ingest_report, {"bad_label": 5})) == 3
    assert reject_examples(sources.ingest_report, {"ragged_row": 1}) == [
        {"file": "month/1.csv", "line": 40, "column": "", "value": "a,b,c", "reason": "ragged_row"}
    ]
