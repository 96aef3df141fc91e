"""AnomalyGate on artifacts as ExampleValidator, AdExampleGen and CreativeGen leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gate_data import TABLE, rows, statistics, write_span
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from adclick.errors import DataGateError
from components.anomaly_gate.executor import AnomalyGateExecutor
from components.anomaly_gate.schema_anomalies import read_anomalies
from components.artifacts import CreativeStore, GateVerdict, IngestReport, SpanStatistics
from configs.anomalies import AnomalyLimits
from configs.settings import Creatives, RowLimits

INFO = anomalies_pb2.AnomalyInfo


def artifact(kind: Any, folder: Path) -> Any:
    folder.mkdir()
    made = kind()
    made.uri = str(folder)
    return made


def do(
    root: Path,
    unusable: dict[str, int] | None = None,
    severity: int = INFO.WARNING,
    spans: dict[int, dict[str, Any]] | None = None,
    **limits: Any,
) -> dict[str, Any]:
    """Runs the gate on 1,000 rows, 2 of them rejected, an anomaly in split eval and, unless None, 4 creatives."""
    anomalies = artifact(standard_artifacts.ExampleAnomalies, root / "anomalies")
    training = artifact(standard_artifacts.ExampleStatistics, root / "statistics")
    anomalies.split_names = training.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        found = anomalies_pb2.Anomalies()
        if split == "eval":
            found.anomaly_info["device"].severity = severity
            found.anomaly_info["device"].reason.add(
                type=INFO.FEATURE_TYPE_LOW_FRACTION_PRESENT, description="half gone"
            )
        for folder, name, message in (
            ("anomalies", "SchemaDiff.pb", found),
            ("statistics", "FeatureStats.pb", statistics(rows())),
        ):
            (root / folder / f"Split-{split}").mkdir()
            (root / folder / f"Split-{split}" / name).write_bytes(message.SerializeToString())
    report = artifact(IngestReport, root / "report")
    counts = {"rows": {"read": 1_000, "written": 998, "rejected": {"bad_label": 2}}}
    (root / "report" / "counts.json").write_text(json.dumps(counts))
    inputs = {"anomalies": [anomalies], "ingest_report": [report], "statistics": [training]}
    if spans is not None:
        inputs["span_statistics"] = [artifact(SpanStatistics, root / "spans")]
        for span, columns in spans.items():
            write_span(root / "spans", span, statistics(columns))
    if unusable is not None:
        inputs["creative_store"] = [artifact(CreativeStore, root / "store")]
        stored = {"distinct": 4, "stored": 4 - sum(unusable.values()), "unusable": unusable}
        (root / "store" / "counts.json").write_text(json.dumps(stored))
    verdict = artifact(GateVerdict, root / "verdict")
    AnomalyGateExecutor().Do(
        inputs,
        {"verdict": [verdict]},
        {
            "row_limits": RowLimits().model_dump_json(),
            "creative_limits": Creatives().model_dump_json(include={"max_unusable_share"}),
            "anomaly_limits": AnomalyLimits(**limits).model_dump_json(),
            "features": TABLE.model_dump_json(),
        },
    )
    found_verdict: dict[str, Any] = json.loads((root / "verdict" / "verdict.json").read_text())
    return found_verdict


def test_a_passing_verdict_is_written_with_what_was_noted(tmp_path: Path) -> None:
    verdict = do(tmp_path, {})
    assert verdict["passed"]
    assert verdict["accepted"] == []
    assert verdict["noted"] == [
        {
            "split": "eval",
            "feature": "device",
            "type": "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "severity": "WARNING",
            "description": "half gone",
            **dict.fromkeys(("value", "threshold", "measure", "reference")),
        }
    ]
    assert [(check["name"], check["value"]) for check in verdict["checks"]] == [
        ("share of rejected rows", 0.002),
        ("share of unusable creatives", 0.0),
    ]


def test_an_accepted_error_is_written(tmp_path: Path) -> None:
    verdict = do(tmp_path, None, INFO.ERROR, accept=("device",))
    assert [one["severity"] for one in verdict["accepted"]] == ["ERROR"]


def test_a_stopped_run_is_told_every_reason(tmp_path: Path) -> None:
    with pytest.raises(DataGateError) as raised:
        do(tmp_path, {"missing": 1}, INFO.ERROR)
    assert str(raised.value).splitlines() == [
        "the data gate stops the run:",
        "  share of unusable creatives: 0.25, at most 0.05; see unusable.csv of the creative store, "
        "deliver the images or raise creatives.max_unusable_share",
        "  eval split: feature 'device': FEATURE_TYPE_LOW_FRACTION_PRESENT: half gone; correct the data or the schema, "
        "or accept it with --accept device:FEATURE_TYPE_LOW_FRACTION_PRESENT",
    ]
    assert raised.value.exit_status == 4
    assert not (tmp_path / "verdict" / "verdict.json").exists()
    decision = raised.value.decision
    assert decision is not None
    assert (decision["passed"], decision["reasons"]) == (
        False,
        [line[2:] for line in str(raised.value).splitlines()[1:]],
    )
    assert json.loads(json.dumps(decision, allow_nan=False)) == json.loads(json.dumps(decision))


def test_without_span_statistics_drift_is_unchecked_and_never_passed(tmp_path: Path) -> None:
    verdict = do(tmp_path)
    assert (verdict["drift"]["state"], verdict["drift"]["reason"]) == (
        "unchecked",
        "the run has no statistics by span",
    )
    assert verdict["skew"]["state"] == "off"


def test_every_measurement_is_in_the_verdict(tmp_path: Path) -> None:
    verdict = do(tmp_path, spans={1: rows(900), 2: rows()})
    assert verdict["drift"]["state"] == "checked"
    assert verdict["drift"]["new"] == "span 2 (1,000 rows)"
    linf = next(one for one in verdict["drift"]["measured"] if one["measure"].startswith("L∞"))
    # by chance 4 √(0.7 · 0.3 · (1/1000 + 1/900)) = 0.0842
    assert linf == {
        "feature": "device",
        "measure": "L∞ distance of the value shares",
        "formula": "max |share − reference's share| over all values",
        "value": pytest.approx(0.0, abs=1e-12),
        "threshold": 0.2,
        "sampling": pytest.approx(0.0842, abs=5e-5),
        "detail": "largest change: 'phone', span 1: 0.7, span 2: 0.7",
        "held": True,
    }


def test_drift_and_skew_stop_a_run_together(tmp_path: Path) -> None:
    changed = rows(devices={"phone": 0.2, "tv": 0.8})
    served = tmp_path / "served.pb"
    served.write_bytes(statistics(changed).SerializeToString())
    with pytest.raises(DataGateError) as raised:
        do(tmp_path, spans={1: rows(), 2: changed}, serving_statistics=str(served))
    starts = [line.strip().partition(":")[0] for line in str(raised.value).splitlines()[1:]]
    assert starts == ["drift of feature 'device'", "skew of feature 'device'"]
    assert raised.value.decision is not None
    assert [one["type"] for one in raised.value.decision["stopping"]] == ["DRIFT", "SKEW"]


def test_anomalies_of_all_the_data_are_read(tmp_path: Path) -> None:
    anomalies = artifact(standard_artifacts.ExampleAnomalies, tmp_path / "anomalies")
    anomalies.split_names = artifact_utils.encode_split_names(["train"])
    found = anomalies_pb2.Anomalies(data_missing=True)
    found.dataset_anomaly_info.severity = INFO.ERROR
    found.dataset_anomaly_info.reason.add(type=INFO.DATASET_LOW_NUM_EXAMPLES, description="3 rows")
    (tmp_path / "anomalies" / "Split-train").mkdir()
    (tmp_path / "anomalies" / "Split-train" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    assert [(one.feature, one.type, one.severity) for one in read_anomalies(anomalies)] == [
        ("", "NO_DATA_IN_SPAN", "ERROR"),
        ("", "DATASET_LOW_NUM_EXAMPLES", "ERROR"),
    ]
