"""The compiled file: what our compiler adds to TFX's, and that secrets are in it by name only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_settings import CLUSTER

from adclick.errors import SettingsError
from configs.loading import load_settings
from pipeline.kubeflow import compile as compiling
from pipeline.kubeflow.compile import compile_pipeline

CONFIGURED = (
    "kubeflow.resources={cpu_request: 1, memory_limit_gb: 4}",
    "kubeflow.components={CreativeTrainer: {cpu_request: 3.5, gpu_count: 2, environment: {THREADS: '4'}}}",
    "kubeflow.environment={AWS_ENDPOINT_URL_S3: 'http://minio:9000', THREADS: '1'}",
    "kubeflow.secrets={AWS_SECRET_ACCESS_KEY: {secret: store, key: password}, ADCLICK_PII_KEY: {secret: pii, key: k},"
    " AWS_ACCESS_KEY_ID: {secret: store, key: user}}",
    "kubeflow.volumes=[{claim: models, path: /models}]",
    "kubeflow.image_pull_policy=IfNotPresent",
    "kubeflow.image_pull_secrets=[registry]",
    "push.root=/models",
)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("compiled") / "deep" / "pipeline.yaml"
    assert compile_pipeline(load_settings(None, [*CLUSTER, *CONFIGURED]), file) == file
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


def container(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = spec["deploymentSpec"]["executors"][f"{name}_executor"]["container"]
    return found


def test_schema_name_command_and_image(documents: list[dict[str, Any]]) -> None:
    spec = documents[0]
    assert spec["schemaVersion"] == "2.1.0"
    assert spec["pipelineInfo"]["name"] == "adclick"
    for label, executor in spec["deploymentSpec"]["executors"].items():
        assert executor["container"]["command"] == ["python", "-m", "pipeline.kubeflow.entry_point"], label
        assert executor["container"]["image"] == "registry.example.com/adclick:1.0"
        words = executor["container"]["args"]
        assert words[:6] == [
            *("--node_id", label.removesuffix("_executor"), "--state_root", "s3://clicks/pipeline"),
            *("--model_folder", "/models/adclick"),
        ]
        assert words[words.index("--json_serialized_invocation_args") + 1] == "{{$}}"


def test_resources_and_environment_of_one_component_lie_over_those_of_all(documents: list[dict[str, Any]]) -> None:
    assert container(documents[0], "Transform")["resources"] == {"cpuRequest": 1.0, "memoryLimit": 4.0}
    trainer = container(documents[0], "CreativeTrainer")
    assert trainer["resources"] == {
        "cpuRequest": 3.5,
        "memoryLimit": 4.0,
        "accelerator": {"type": "nvidia.com/gpu", "count": "2"},
    }
    endpoint = {"name": "AWS_ENDPOINT_URL_S3", "value": "http://minio:9000"}
    assert container(documents[0], "Transform")["env"] == [endpoint, {"name": "THREADS", "value": "1"}]
    assert trainer["env"] == [endpoint, {"name": "THREADS", "value": "4"}]


def test_secrets_and_volumes_are_named_for_every_container(documents: list[dict[str, Any]]) -> None:
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.keys() == documents[0]["deploymentSpec"]["executors"].keys()
    keys = [
        {"secretKey": "user", "envVar": "AWS_ACCESS_KEY_ID"},
        {"secretKey": "password", "envVar": "AWS_SECRET_ACCESS_KEY"},
    ]
    for config in executors.values():
        assert config == {
            "secretAsEnv": [
                {"secretName": "pii", "keyToEnv": [{"secretKey": "k", "envVar": "ADCLICK_PII_KEY"}]},
                {"secretName": "store", "keyToEnv": keys},
            ],
            "pvcMount": [{"constant": "models", "mountPath": "/models"}],
            "imagePullSecret": [{"secretName": "registry"}],
            "imagePullPolicy": "IfNotPresent",
        }


def test_no_secret_of_the_environment_gets_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "planted-0123456789abcdef"
    for name in ("AWS_SECRET_ACCESS_KEY", "ADCLICK_PII_KEY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, planted)
    file = compile_pipeline(load_settings(None, [*CLUSTER, *CONFIGURED]), tmp_path / "p.yaml")
    assert planted not in file.read_text(encoding="utf-8")


def test_what_looks_at_the_world_or_changes_it_is_never_cached(documents: list[dict[str, Any]]) -> None:
    tasks = documents[0]["root"]["dag"]["tasks"]
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert set(tasks) - cached == {
        *("AdExampleGen", "CreativeGen", "AnomalyGate", "ServedModel"),  # drivers
        *("AtomicPusher", "RunReport"),
    }
    drivers = {name for name in tasks if "--driver_class_path" in container(documents[0], name)["args"]}
    assert drivers == {"AdExampleGen", "CreativeGen", "AnomalyGate", "ServedModel"}


def test_fresh_caches_nothing_and_pushes_what_was_withdrawn() -> None:
    tasks = compiling.compiled(load_settings(None, CLUSTER), enable_cache=False).spec["root"]["dag"]["tasks"]
    assert not any(task.get("cachingOptions") for task in tasks.values())
    assert tasks["AtomicPusher"]["inputs"]["parameters"]["push_withdrawn"] == {"runtimeValue": {"constant": 1.0}}


def test_the_one_parameter_has_its_default_in_the_file(documents: list[dict[str, Any]]) -> None:
    assert documents[0]["root"]["inputDefinitions"] == {
        "parameters": {"force_bless": {"parameterType": "STRING", "defaultValue": "", "isOptional": True}}
    }
    evaluator = documents[0]["root"]["dag"]["tasks"]["ServedBaselineEvaluator"]
    assert evaluator["inputs"]["parameters"]["force_bless"] == {"componentInputParameter": "force_bless"}


def test_the_schema_travels_in_the_file(documents: list[dict[str, Any]]) -> None:
    parameters = documents[0]["root"]["dag"]["tasks"]["ImportSchemaGen"]["inputs"]["parameters"]
    text = parameters["schema_text"]["runtimeValue"]["constant"]
    assert 'name: "clicked"' in text


def test_nothing_is_written_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compile_pipeline(load_settings(None, CLUSTER), tmp_path / "p.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]
    # without secrets and volumes there is no second document
    assert len(list(yaml.safe_load_all((tmp_path / "p.yaml").read_text(encoding="utf-8")))) == 1


def test_parameters_too_long_for_an_argument_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "MAX_ARGUMENT_BYTES", 2000)
    with pytest.raises(
        SettingsError, match=r"its parameters have [\d,]+ bytes, and a container's argument holds 2,000"
    ):
        compiling.compiled(load_settings(None, CLUSTER))
