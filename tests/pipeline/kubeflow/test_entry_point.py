"""A container's command in this process: what it makes of the launcher's words, and how it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor

from adclick.errors import AdclickError, DataGateError, SettingsError
from components.drivers import REFERENCE_ROOT, ObservingDriver
from pipeline.kubeflow.entry_point import main
from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE

URI = "minio://mlpipeline/v2/artifacts/adclick/run-1/Noting/5a2b/schema"
FOLDERS = ("KERAS_HOME", "MPLCONFIGDIR", "IPYTHONDIR")


class NotingDriver(ObservingDriver):
    """Sees where references are kept."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        return {"seen": f"{properties[REFERENCE_ROOT]} {properties['schema_text']}"}


class NotingExecutor(BaseBeamExecutor):
    """Leaves what it was given in its output."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:  # noqa: N802 - the name is TFX's
        context = self._context
        told = {
            "properties": exec_properties,
            "run": context.pipeline_run_id,
            "beam": context.beam_pipeline_args,
            "scratch": Path(self._get_tmp_dir()).is_dir(),
        }
        Path(output_dict["schema"][0].uri, "told.json").write_text(json.dumps(told), encoding="utf-8")


class FailingExecutor(BaseExecutor):
    """Raises what its parameter names."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:  # noqa: N802 - the name is TFX's
        Path(output_dict["schema"][0].uri, "half").write_bytes(b"")
        raise {"gate": DataGateError, "settings": SettingsError, "own": AdclickError, "other": OSError}[
            exec_properties["schema_text"]
        ]("too many rejects")


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Calls the entry point as the launcher does."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    for name in FOLDERS:
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))

    def call(executor: type, text: str, *more: str) -> int:
        kind = {"instanceSchema": "title: tfx.Schema\ntype: object\n"}
        logs = {"type": {"schemaTitle": "system.Artifact"}, "uri": URI.replace("schema", "executor-logs")}
        given = {
            "inputs": {"parameterValues": {"schema_text": text}},
            "outputs": {
                "artifacts": {
                    "schema": {"artifacts": [{"name": "schema", "type": kind, "uri": URI}]},
                    "executor-logs": {"artifacts": [logs]},
                },
                "outputFile": str(tmp_path / "output_metadata.json"),
            },
        }
        spec = {"parameters": {"schema_text": {"parameterType": "STRING"}}}
        return main(
            [
                *("--node_id", "Noting", "--state_root", str(tmp_path / "state"), "--model_folder", "/models/adclick"),
                *("--executor_class_path", f"{executor.__module__}.{executor.__qualname__}"),
                *("--json_serialized_invocation_args", json.dumps(given)),
                *("--json_serialized_inputs_spec_args", json.dumps(spec)),
                *more,
            ]
        )

    return call


def test_the_driver_runs_before_the_executor_in_the_container(container: Callable[..., int], tmp_path: Path) -> None:
    driver = f"{NotingDriver.__module__}.NotingDriver"
    assert container(NotingExecutor, "words", "--driver_class_path", driver) == 0
    folder = tmp_path / URI.replace("://", "/")
    told = json.loads((folder / "told.json").read_text())
    assert told == {
        "properties": {"schema_text": "words", "seen": f"{tmp_path}/state/gate_references words"},
        "run": "run-1",
        "beam": [],
        "scratch": True,
    }
    left = json.loads((tmp_path / "output_metadata.json").read_text())
    assert left == {"artifacts": {"schema": {"artifacts": [{"uri": URI, "metadata": {}}]}}}


@pytest.mark.parametrize(("error", "status"), [("gate", 4), ("settings", 2), ("own", 1), ("other", 1)])
def test_a_failure_is_the_containers_and_leaves_no_outputs(
    error: str, status: int, container: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert container(FailingExecutor, error) == status
    told = capsys.readouterr().err
    assert "adclick: Noting: " in told
    assert "too many rejects" in told
    assert ("Traceback" in told) == (error == "other")
    assert not (tmp_path / "output_metadata.json").exists()
    # where the data gate stops, the report of the run says so
    summary = tmp_path / "state" / "reports" / "run-1" / "summary.json"
    assert summary.exists() == (error == "gate")
    if error == "gate":
        found = json.loads(summary.read_text())
        assert (found["run_id"], found["pushed_version"], found["verdict"]["blessed"]) == ("run-1", None, False)
        assert found["verdict"]["reasons"] == ["too many rejects"]
        assert summary.with_name("index.html").read_text().startswith("<!doctype html>")


def test_a_report_that_cannot_be_left_does_not_hide_why_the_run_stops(
    container: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file where a folder belongs", encoding="utf-8")
    assert container(FailingExecutor, "gate") == 4
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == "adclick: Noting: too many rejects"
    assert told[-2].startswith("adclick: Noting: no report could be left: ")
