"""Inputs without files: which are none of the component's business, and which stop it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import ExampleStatistics, Model, PushedModel

from adclick.errors import AdclickError
from pipeline.kubeflow.arrivals import require_files
from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE


def _placed(artifact: Artifact, folder: Path, *files: str) -> Artifact:
    """The artifact in `folder`, with files of one byte."""
    artifact.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(b"x")
    return artifact


def test_an_input_without_files_is_named_with_its_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    statistics = _placed(ExampleStatistics(), tmp_path / "minio" / "bucket" / "run" / "statistics")
    (Path(statistics.uri) / "Split-eval").mkdir()
    told = "input 'statistics' came without files: minio://bucket/run/statistics is empty"
    with pytest.raises(AdclickError, match=told):
        require_files({"statistics": [statistics]})


def test_a_file_in_a_folder_is_enough(tmp_path: Path) -> None:
    require_files({"statistics": [_placed(ExampleStatistics(), tmp_path, "Split-eval/FeatureStats.pb")]})


def test_no_model_in_service_is_no_fault_but_a_version_without_files_is(tmp_path: Path) -> None:
    nothing = _placed(Model(), tmp_path)
    require_files({"baseline": [nothing], "pushed_model": [_placed(PushedModel(), tmp_path)]})
    nothing.set_int_custom_property("version", 7)
    with pytest.raises(AdclickError, match="'baseline_model'"):
        require_files({"baseline_model": [nothing]})
