"""Each incompatibility is found where it is planted: by TFX's own compiler as it comes, or by hand where it refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tfx.components import CsvExampleGen, StatisticsGen
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from adclick.errors import SettingsError
from pipeline.kubeflow.lint import lint

Spec = dict[str, Any]


def rows(file: Path) -> list[int]:
    return [finding.row for finding in lint(file)]


def written(spec: Spec, folder: Path, name: str = "pipeline.yaml") -> Path:
    file = folder / name
    file.write_text(json.dumps(spec) if name.endswith(".json") else yaml.safe_dump(spec), encoding="utf-8")
    return file


def test_our_own_file_has_none(compiled_spec: Spec, tmp_path: Path) -> None:
    assert lint(written(compiled_spec, tmp_path)) == []


def test_what_tfx_compiles_as_it_comes_has_seven_of_eight(tmp_path: Path) -> None:
    """An example generator with its driver, a component behind it, a resolver; InfraValidator does not compile."""
    examples = CsvExampleGen(input_base="minio://mlpipeline/data")
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("latest-blessed")
    pipeline = Pipeline("stock", "minio://mlpipeline/root", components=[examples, statistics, resolver])
    KubeflowV2DagRunner(KubeflowV2DagRunnerConfig(), str(tmp_path), "stock.json").run(pipeline)
    found = lint(tmp_path / "stock.json")
    places = {(finding.row, finding.place.rpartition(".")[2]) for finding in found}
    assert {finding.row for finding in found} == {1, 2, 3, 4, 5, 6, 8}
    # the resolver for the blessed model is two executors; the type is lost at the one component that takes an artifact
    assert sum(finding.row == 5 for finding in found) == 2
    assert [finding.place for finding in found if finding.row == 3] == [
        "deploymentSpec.executors.StatisticsGen_executor.container.command"
    ]
    assert {(1, "schemaVersion"), (2, "pipelineSpec"), (5, "resolver"), (6, "preCacheCheck")} <= places
    assert (8, "input_base") in places
    assert [finding.row for finding in found] == sorted(finding.row for finding in found)
    assert all(finding.message and finding.mend for finding in found)


def _older_schema(spec: Spec) -> None:
    spec["schemaVersion"] = "2.0.0"


def _capitals(spec: Spec) -> None:
    spec["pipelineInfo"]["name"] = "AdClick"


def _no_default(spec: Spec) -> None:
    spec["root"]["inputDefinitions"]["parameters"]["month"] = {"parameterType": "STRING"}


def _stock_entry_point(spec: Spec) -> None:
    module = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
    spec["deploymentSpec"]["executors"]["AdExampleGen_executor"]["container"]["command"] = ["python", "-m", module]


def _resolver(spec: Spec) -> None:
    query = {"outputArtifactQueries": {"model": {"filter": 'schema_title="tfx.Model"'}}}
    spec["deploymentSpec"]["executors"]["ServedModel_executor"] = {"resolver": query}


def _driver_hook(spec: Spec) -> None:
    hook = {"preCacheCheck": {"command": ["python", "-m", "driver"]}}
    spec["deploymentSpec"]["executors"]["AdExampleGen_executor"]["container"]["lifecycle"] = hook


def _infra_validator(spec: Spec) -> None:
    arguments = spec["deploymentSpec"]["executors"]["ServingCanary_executor"]["container"]["args"]
    arguments[arguments.index("--executor_class_path") + 1] = "tfx.components.infra_validator.executor.Executor"


def _minio(spec: Spec) -> None:
    spec["root"]["dag"]["tasks"]["CreativeGen"]["inputs"]["parameters"]["image_root"] = {
        "runtimeValue": {"constant": "minio://mlpipeline/images"}
    }


@pytest.mark.parametrize(
    ("plant", "expected", "place"),
    [
        (_older_schema, [1], "schemaVersion"),
        (_capitals, [2], "pipelineInfo.name"),
        (_no_default, [2], "root.inputDefinitions.parameters.month"),
        (_stock_entry_point, [4, 8], "deploymentSpec.executors.AdExampleGen_executor.container.command"),
        (_resolver, [5], "deploymentSpec.executors.ServedModel_executor.resolver"),
        (_driver_hook, [6], "deploymentSpec.executors.AdExampleGen_executor.container.lifecycle.preCacheCheck"),
        (_infra_validator, [7], "deploymentSpec.executors.ServingCanary_executor.container.args"),
        (_minio, [8], "root.dag.tasks.CreativeGen.inputs.parameters.image_root"),
    ],
)
def test_each_planted_row_is_found_in_its_place(
    plant: Callable[[Spec], None], expected: list[int], place: str, compiled_spec: Spec, tmp_path: Path
) -> None:
    spec = copy.deepcopy(compiled_spec)
    plant(spec)
    found = lint(written(spec, tmp_path))
    assert [finding.row for finding in found] == expected
    assert found[0].place == place


def test_a_wrapped_job_in_json_is_row_2_twice(compiled_spec: Spec, tmp_path: Path) -> None:
    """The file's kind, and the wrapping."""
    assert rows(written({"pipelineSpec": compiled_spec}, tmp_path, "pipeline.json")) == [2, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no mapping"),
        ("- a\n", "holds no mapping"),
        ("a: [", "is neither YAML nor JSON"),
        ("root: {dag: {}}", "has no tasks below root.dag"),
        ("root: 3", "is no compiled pipeline"),
    ],
)
def test_what_is_no_pipeline_is_refused(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=f"other.yaml: {told}"):
        lint(file)
    with pytest.raises(SettingsError, match="no such file; write one with `adclick kubeflow compile`"):
        lint(tmp_path / "none.yaml")
