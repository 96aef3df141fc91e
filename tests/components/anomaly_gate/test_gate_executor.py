"""AnomalyGate on artifacts as ExampleValidator, AdExampleGen and CreativeGen leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from adclick.errors import DataGateError
from components.anomaly_gate.executor import AnomalyGateExecutor
from components.artifacts import CreativeStore, GateVerdict, IngestReport
from configs.settings import AnomalyLimits, Creatives, RowLimits

INFO = anomalies_pb2.AnomalyInfo


def artifact(kind: Any, folder: Path) -> Any:
    folder.mkdir()
    made = kind()
    made.uri = str(folder)
    return made


def do(root: Path, unusable: dict[str, int] | None, severity: int, accept: tuple[str, ...] = ()) -> dict[str, Any]:
    """Runs the gate on 1,000 rows, 2 of them rejected, an anomaly in split eval and, unless None, 4 creatives."""
    anomalies = artifact(standard_artifacts.ExampleAnomalies, root / "anomalies")
    anomalies.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        found = anomalies_pb2.Anomalies()
        if split == "eval":
            found.anomaly_info["device"].severity = severity
            found.anomaly_info["device"].reason.add(
                type=INFO.FEATURE_TYPE_LOW_FRACTION_PRESENT, description="half gone"
            )
        folder = root / "anomalies" / f"Split-{split}"
        folder.mkdir()
        (folder / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    report = artifact(IngestReport, root / "report")
    counts = {"rows": {"read": 1_000, "written": 998, "rejected": {"bad_label": 2}}}
    (root / "report" / "counts.json").write_text(json.dumps(counts))
    inputs = {"anomalies": [anomalies], "ingest_report": [report]}
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
            "anomaly_limits": AnomalyLimits(accept=accept).model_dump_json(),
        },
    )
    found_verdict: dict[str, Any] = json.loads((root / "verdict" / "verdict.json").read_text())
    return found_verdict


def test_a_passing_verdict_is_written_with_what_was_noted(tmp_path: Path) -> None:
    verdict = do(tmp_path, {}, INFO.WARNING)
    assert verdict["passed"]
    assert verdict["accepted"] == []
    assert verdict["noted"] == [
        {
            "split": "eval",
            "feature": "device",
            "type": "FEATURE_TYPE_LOW_FRACTION_PRESENT",
            "severity": "WARNING",
            "description": "half gone",
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
        "or accept it with anomalies.accept: [device:FEATURE_TYPE_LOW_FRACTION_PRESENT]",
    ]
    assert raised.value.exit_status == 4
    assert not (tmp_path / "verdict" / "verdict.json").exists()
