"""Packages that the API server or its compiler does not take."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher.package import RefusedPackageError
from launcher.run import run
from launcher.tiny import shell, shell_cluster, tiny_package


def _refusal(package: Path, tmp_path: Path, **given: object) -> str:
    with pytest.raises(RefusedPackageError) as refused:
        run(package, shell_cluster(tmp_path / "cluster"), given)
    assert not (tmp_path / "cluster").exists()  # no pod was started
    return str(refused.value)


TASK = {"first": shell("true")}


def test_another_schema_version(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", TASK, schemaVersion="2.0.0")
    assert "KFP only supports schema version 2.1.0" in _refusal(package, tmp_path)


def test_a_wrapped_job_is_no_pipeline_spec(tmp_path: Path) -> None:
    package = tmp_path / "p.yaml"
    package.write_text('{"displayName": "x", "pipelineSpec": {"pipelineInfo": {"name": "x"}}, "runtimeConfig": {}}')
    assert _refusal(package, tmp_path) == "no pipeline spec is provided"


def test_a_resolver(tmp_path: Path) -> None:
    executors = {"executors": {"exec-first": {"resolver": {"outputArtifactQueries": {"model": {"filter": ""}}}}}}
    package = tiny_package(tmp_path / "p.yaml", TASK, deploymentSpec=executors)
    assert "non-container and non-importer executor not implemented" in _refusal(package, tmp_path)


def test_a_misspelt_field(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", TASK, pipelineInfos={})
    assert "pipelineInfos" in _refusal(package, tmp_path)


def test_tasks_that_wait_for_each_other(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", {"a": shell("true", after=["b"]), "b": shell("true", after=["a"])})
    assert "wait for each other" in _refusal(package, tmp_path)


def test_parameters_that_the_pipeline_does_not_have_or_that_are_missing(tmp_path: Path) -> None:
    package = tiny_package(tmp_path / "p.yaml", TASK)
    assert _refusal(package, tmp_path, rows=1) == "parameter(s) provided are not required by pipeline: rows"
    package = tiny_package(tmp_path / "p.yaml", TASK, parameters={"rows": {"parameterType": "NUMBER_INTEGER"}})
    assert "parameter rows is not optional" in _refusal(package, tmp_path)
    assert "type mismatch: expect NUMBER_INTEGER" in _refusal(package, tmp_path, rows="many")
