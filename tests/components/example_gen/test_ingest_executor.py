"""Which way AdExampleGen's executor takes: this process, workers, or a Beam runner that someone chose."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import joblib
import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts

from components.artifacts import Columns, IngestReport
from components.example_gen import ingest, worker, worker_count
from components.example_gen.executor import AdExampleGenExecutor
from components.example_gen.spans import select_input
from configs.features import FeatureTable
from configs.settings import Data

FEATURES = [
    {"name": "id", "kind": "key"},
    {"name": "time", "kind": "timestamp", "format": "unix_s"},
    {"name": "clicked", "kind": "label"},
]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The workers that get started; TFX packs itself in a process of its own when Beam has arguments."""
    started: list[Any] = []
    start = subprocess.Popen.__init__

    def noting(self: Any, arguments: Any, *rest: Any, **options: Any) -> None:
        if worker.__name__ in arguments:
            started.append(arguments)
        start(self, arguments, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", noting)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    return started


def run(root: Path, output: Path, beam_pipeline_args: list[str]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Counts, and the files that hold the columns and the report."""
    month = root / "month-1"
    month.mkdir(parents=True, exist_ok=True)
    (month / "m.csv").write_text("id,time,clicked\n" + "".join(f"u{i},{i},{i % 3}\n" for i in range(600)))
    outputs = {"examples": standard_artifacts.Examples(), "columns": Columns(), "ingest_report": IngestReport()}
    for name, artifact in outputs.items():
        artifact.uri = str(output / name)
        Path(artifact.uri).mkdir(parents=True)
    context = BaseBeamExecutor.Context(beam_pipeline_args, tmp_dir=str(output / "tmp"), unique_id="1")
    (output / "tmp").mkdir()
    data = Data(root=str(root))
    properties = {
        "data": data.model_dump_json(exclude={"limits"}),
        "input_fingerprint": select_input(data.root, data.pattern, data.spans).fingerprint,
        "min_rows": 10,
        "features": FeatureTable.model_validate(FEATURES).model_dump_json(),
    }
    AdExampleGenExecutor(context).Do({}, {name: [artifact] for name, artifact in outputs.items()}, properties)
    files = [*(output / "columns").rglob("*.arrow"), *(output / "ingest_report").iterdir()]
    counts = json.loads((output / "ingest_report" / "counts.json").read_text())
    return counts, {str(file.relative_to(output)): file.read_bytes() for file in files}


def test_a_small_delivery_starts_no_worker_and_a_large_one_gives_the_same_in_two(
    tmp_path: Path, workers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 600 labels 0, 1, 2, 0, … a third is rejected. The large delivery is made so by a low threshold."""
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr("components.example_gen.csv_blocks.HEADER_CHUNK_BYTES", 100)
    counts, files = run(tmp_path / "data", tmp_path / "one", [])
    assert counts["rows"] == {"read": 600, "written": 400, "rejected": {"bad_label": 200}}
    assert workers == []
    monkeypatch.setattr(worker_count, "MIN_BYTES", 1_000)
    assert run(tmp_path / "data", tmp_path / "two", []) == (counts, files)
    assert len(workers) == 2
    assert len(files) > 10


def test_a_chosen_beam_runner_stays_in_charge(
    tmp_path: Path, workers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_count, "MIN_BYTES", 1)
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr("components.example_gen.csv_blocks.HEADER_CHUNK_BYTES", 100)
    counts, _ = run(tmp_path / "data", tmp_path / "out", ["--runner=DirectRunner"])
    assert counts["rows"]["read"] == 600
    assert workers == []
