"""What is published of a run, and what the terminal says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adclick.errors import DataGateError
from adclick.run_report import RunFacts, complete_summary, exit_status, publish, verdict_text
from components.pusher.history import WITHDRAWN, note
from components.pusher.versions import RECORD_FILE, PushRecord, model_digest

METRICS = {
    "auc": 0.71234,
    "log_loss": 0.3,
    "normalized_entropy": 0.95,
    "calibration_ratio": 1.02,
    "ece": 0.01,
    "lift_at_10pct": 2.5,
    "mean_label": 0.1,
    "mean_prediction": 0.102,
    "count": 1000,
}
HELD = {"name": "AUC", "value": 0.71234, "relation": "≥", "bound": 0.55, "held": True}
BROKEN = {"name": "AUC change", "value": -0.02, "relation": "≥", "bound": -0.005, "held": False}
GATE = {
    "passed": True,
    "checks": [],
    "unused_accept": [],
    "drift": {"state": "unchecked", "reason": "no earlier span than span 1"},
    "skew": {"state": "off", "reason": "anomalies.serving_statistics names no file"},
}


def summary(**changes: Any) -> dict[str, Any]:
    return {
        "rows": {"read": 12_345, "written": 12_340, "rejected": {"bad_label": 3, "ragged_row": 2}},
        "splits": {"train": 9_872, "eval": 2_468},
        "creatives": {"distinct": 300, "stored": 295, "missing": 3, "corrupt": 1, "rejected": 1},
        "anomalies": [],
        "gate": GATE,
        "metrics": METRICS,
        "baseline": None,
        "truth": None,
        "verdict": {"blessed": True, "reasons": [], "bounds": [HELD]},
        "pushed_version": 1_700_000_000,
        **changes,
    }


def test_a_first_blessed_run_reads_so() -> None:
    assert verdict_text(summary()).splitlines() == [
        "rows       12,345 read, 12,340 written, 5 rejected (bad_label 3, ragged_row 2)",
        "splits     9,872 to train on, 2,468 to evaluate on",
        "creatives  300 distinct, 295 stored, 3 missing, 1 corrupt, 1 rejected",
        "anomalies  0 noted, 0 accepted",
        "drift      unchecked: no earlier span than span 1",
        "",
        "                            candidate   (no model in service yet)",
        "AUC                            0.7123",
        "log loss                       0.3000",
        "normalized entropy             0.9500",
        "calibration ratio              1.0200",
        "expected calibration error     0.0100",
        "lift at 10 %                   2.5000",
        "mean label                     0.1000",
        "mean prediction                0.1020",
        "",
        "  held    AUC 0.7123 ≥ 0.55",
        "",
        "BLESSED: version 1700000000 is in service",
    ]


def test_a_run_that_is_not_blessed_names_each_reason_beside_the_model_in_service() -> None:
    verdict = {"blessed": False, "reasons": ["AUC change -0.0200 is not ≥ -0.005", "another"], "bounds": [HELD, BROKEN]}
    baseline = {"version": 7, "metrics": {**METRICS, "auc": 0.73234, "lift_at_10pct": None}}
    lines = verdict_text(summary(verdict=verdict, baseline=baseline, pushed_version=None)).splitlines()
    assert "                            candidate  in service" in lines
    assert "AUC                            0.7123      0.7323" in lines
    assert "lift at 10 %                   2.5000   undefined" in lines
    assert lines[-4:] == [
        "  held    AUC 0.7123 ≥ 0.55",
        "  FAILED  AUC change -0.0200 ≥ -0.005",
        "",
        "NOT BLESSED: nothing was pushed: AUC change -0.0200 is not ≥ -0.005; another",
    ]


def test_data_without_rejects_images_or_classes_leaves_their_words_out() -> None:
    text = verdict_text(
        summary(
            rows={"read": 5, "written": 5, "rejected": {}},
            creatives={"distinct": 0, "stored": 0, "missing": 0, "corrupt": 0, "rejected": 0},
            metrics={**METRICS, "auc": None},
        )
    )
    assert text.splitlines()[0] == "rows       5 read, 5 written, 0 rejected"
    assert "creatives" not in text
    assert "AUC                         undefined" in text


def test_known_truth_is_told_as_simulated() -> None:
    truth = {"bayes_auc": 0.75, "share": 0.912, "share_with_labels": 0.89}
    assert (
        "best possible AUC on these rows 0.7500 (simulated data); share reached 0.912, with the labels drawn 0.890"
        in verdict_text(summary(truth=truth)).splitlines()
    )


def facts(root: Path) -> RunFacts:
    return RunFacts("run-1", {"AdExampleGen": 1.23456}, {"AdExampleGen": "done"}, root / "logs", str(root / "serving"))


def reported(root: Path, found: dict[str, Any]) -> dict[str, dict[str, str]]:
    (root / "report").mkdir()
    (root / "report" / "summary.json").write_text(json.dumps(found))
    return {"RunReport": {"summary": str(root / "report")}}


def test_a_whole_run_gets_the_runners_facts(tmp_path: Path) -> None:
    (tmp_path / "serving" / "1700000000").mkdir(parents=True)
    (tmp_path / "serving" / "1700000000" / "saved_model.pb").write_bytes(b"")
    found = complete_summary(facts(tmp_path), reported(tmp_path, summary()), None)
    assert {key: found[key] for key in summary()} == summary()
    assert found["run_id"] == "run-1"
    assert found["component_seconds"] == {"AdExampleGen": 1.235}
    assert found["component_states"] == {"AdExampleGen": "done"}
    assert found["peak_rss_mb"] > 10
    assert sorted(found["versions"]) == ["beam", "python", "tensorflow", "tfx"]
    assert all(found["versions"].values())
    assert exit_status(found) == 0


def test_a_cached_push_counts_only_while_its_version_is_there(tmp_path: Path) -> None:
    found = complete_summary(facts(tmp_path), reported(tmp_path, summary()), None)
    assert found["pushed_version"] is None
    assert exit_status(found) == 3
    assert verdict_text(found).splitlines()[-1] == (
        "BLESSED, but not in service: version 1700000000, pushed by an earlier run, "
        f"is no longer in {tmp_path}/serving; --fresh trains and pushes again"
    )


@pytest.mark.parametrize(
    ("served", "forced", "canary", "told"),
    [
        ("the candidate", "a day is missing", None, 7),
        ("the candidate", "a day is missing", {"state": "skipped"}, 7),
        ("the candidate", "a day is missing", {"state": "refused"}, None),
        ("the candidate", None, None, None),
        ("another model", "a day is missing", None, None),
    ],
)
def test_a_refused_model_may_be_in_service_by_an_earlier_force(
    tmp_path: Path, served: str, forced: str | None, canary: dict[str, str] | None, told: int | None
) -> None:
    candidate, version = tmp_path / "model" / "Format-Serving", tmp_path / "serving" / "7"
    for folder, graph in ((candidate, "the candidate"), (version, served)):
        (folder / "assets.extra").mkdir(parents=True)
        (folder / "saved_model.pb").write_text(graph)
    record = PushRecord(model_digest(version), None, "run-0", "", force_reason=forced, forced_by=forced and "ada at 12")
    (version / RECORD_FILE).write_text(json.dumps(record._asdict()))
    looked = canary and {**canary, "checks": [], "reason": ""}
    verdict = {"blessed": False, "reasons": ["AUC 0.5 is not ≥ 0.55"], "bounds": [BROKEN], "canary": looked}
    outputs = reported(tmp_path, summary(verdict=verdict, pushed_version=None))
    found = complete_summary(facts(tmp_path), {**outputs, "CreativeTrainer": {"model": str(candidate.parent)}}, None)
    assert found["pushed_version"] == told
    assert exit_status(found) == (3 if told is None else 0)
    last = verdict_text(found).splitlines()[-1]
    assert last == (
        "NOT BLESSED: nothing was pushed: AUC 0.5 is not ≥ 0.55"
        if told is None
        else "NOT BLESSED, and in service by --force-bless: a day is missing, by ada at 12: version 7 stays, although "
        "AUC 0.5 is not ≥ 0.55"
    )


def test_a_version_that_was_withdrawn_since_says_who_did_it(tmp_path: Path) -> None:
    withdrawn = tmp_path / "serving" / "withdrawn-1700000000"
    withdrawn.mkdir(parents=True)
    (withdrawn / "saved_model.pb").write_bytes(b"")
    event = note(tmp_path / "serving", WITHDRAWN, 1_700_000_000, "ada", "clicks fell")
    found = complete_summary(facts(tmp_path), reported(tmp_path, summary()), None)
    assert exit_status(found) == 3
    assert verdict_text(found).splitlines()[-1] == (
        "BLESSED, but not in service: version 1700000000, pushed by an earlier run, was withdrawn by ada on "
        f"{event.at} (clicks fell); `adclick models promote 1700000000` puts it back into service, "
        "--fresh trains and pushes again"
    )


@pytest.mark.parametrize("old_stays", [True, False])
def test_a_promoted_copy_counts_as_the_version_that_it_is_a_copy_of(tmp_path: Path, old_stays: bool) -> None:
    folder = tmp_path / "serving"
    record = PushRecord("digest", None, "run-1", "", promoted_from=1_700_000_000)
    for version in (1_700_000_000, 1_700_000_009) if old_stays else (1_700_000_009,):
        (folder / str(version) / "assets.extra").mkdir(parents=True)
        (folder / str(version) / "saved_model.pb").write_bytes(b"")
    (folder / "1700000009" / RECORD_FILE).write_text(json.dumps(record._asdict()))
    found = complete_summary(facts(tmp_path), reported(tmp_path, summary()), None)
    assert found["pushed_version"] == 1_700_000_009
    assert exit_status(found) == 0


def test_the_canarys_figures_follow_the_bounds() -> None:
    same = {"name": "largest batch", "rows": 1000, "measure": "difference", "value": 5.9e-8, "bound": 1e-6, "unit": ""}
    late = {"name": "latency over REST", "rows": 1, "measure": "p99", "value": 312.0, "bound": 250.0, "unit": "ms"}
    gone = {**late, "name": "latency over gRPC", "value": None, "detail": "UNAVAILABLE: gone"}
    checks = [{**same, "held": True}, {**late, "held": False}, {**gone, "held": False}]
    refused = {
        "blessed": False,
        "reasons": ["late"],
        "bounds": [HELD],
        "canary": {"state": "refused", "checks": checks},
    }
    assert verdict_text(summary(verdict=refused, pushed_version=None)).splitlines()[-6:] == [
        "  held    AUC 0.7123 ≥ 0.55",
        "  held    served, largest batch: difference of 1,000 rows 5.9e-08 ≤ 1e-06",
        "  FAILED  served, latency over REST: p99 312.0 ms ≤ 250 ms",
        "  FAILED  served, latency over gRPC: UNAVAILABLE: gone",
        "",
        "NOT BLESSED: nothing was pushed: late",
    ]
    skipped = {**refused, "canary": {"state": "skipped", "reason": "the evaluation refused the model", "checks": []}}
    assert "  skipped  serving canary: the evaluation refused the model" in verdict_text(summary(verdict=skipped))


def test_removed_versions_are_told_by_the_run_that_removed_them() -> None:
    for state, told in (("done", True), ("cached", False)):
        text = verdict_text(summary(removed_versions=[3, 4], component_states={"AtomicPusher": state}))
        assert ("removed    old versions 3, 4 (push.keep_versions)" in text) is told


def test_a_stopped_run_keeps_what_there_was(tmp_path: Path) -> None:
    rows = {"read": 10, "written": 8, "rejected": {"bad_label": 2}}
    (tmp_path / "counts.json").write_text(json.dumps({"rows": rows, "splits": {"train": 6, "eval": 2}}))
    (tmp_path / "store").mkdir()
    counts = {"distinct": 4, "stored": 1, "unusable": {"missing": 3}}
    (tmp_path / "store" / "counts.json").write_text(json.dumps(counts))
    outputs = {
        "AdExampleGen": {"ingest_report": str(tmp_path)},
        "CreativeGen": {"creative_store": str(tmp_path / "store")},
    }
    found = complete_summary(facts(tmp_path), outputs, DataGateError("the data gate stops the run: too bad"))
    assert (found["rows"], found["splits"]) == (rows, {"train": 6, "eval": 2})
    assert found["creatives"] == {"distinct": 4, "stored": 1, "missing": 3, "corrupt": 0, "rejected": 0}
    assert found["verdict"] == {
        "blessed": False,
        "reasons": ["the data gate stops the run: too bad"],
        "bounds": [],
        "compared": False,
        "confidence": None,
        "slices_too_small": {"count": 0, "largest": []},
        "force": None,
        "in_service_by_force": None,
        "canary": None,
    }
    assert (found["anomalies"], found["gate"]) == ([], None)
    assert found["metrics"] is None
    assert found["pushed_version"] is None


def test_a_run_that_failed_at_once_has_a_summary_too(tmp_path: Path) -> None:
    found = complete_summary(facts(tmp_path), {}, MemoryError())
    assert (found["rows"], found["creatives"]) == (None, None)
    assert found["verdict"]["reasons"] == ["MemoryError"]


def test_stopped_and_whole_summaries_have_the_same_stable_keys(tmp_path: Path) -> None:
    stable = {
        *("run_id", "rows", "creatives", "splits", "anomalies", "metrics", "baseline", "verdict", "pushed_version"),
        *("component_seconds", "peak_rss_mb", "bayes_auc", "versions"),
    }
    assert stable <= set(complete_summary(facts(tmp_path), {}, MemoryError()))


@pytest.mark.parametrize("runs", [["a"], ["a", "b"], ["a", "a"]])
def test_latest_points_at_the_newest(tmp_path: Path, runs: list[str]) -> None:
    for number, run_id in enumerate(runs):
        file = publish({"run_id": run_id, "number": number, "relation": "≥"}, tmp_path / "reports")
        assert file == tmp_path / "reports" / run_id / "summary.json"
    latest = tmp_path / "reports" / "latest"
    assert latest.is_symlink()
    assert latest.readlink() == Path(runs[-1])
    assert json.loads((latest / "summary.json").read_text(encoding="utf-8"))["number"] == len(runs) - 1
    assert sorted(child.name for child in (tmp_path / "reports").iterdir()) == sorted({*runs, "latest"})
