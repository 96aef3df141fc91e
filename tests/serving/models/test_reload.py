"""HandleReloadConfigRequest's semantics on real SavedModels."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig
from serving.models.registry import Models
from serving.request_error import RequestError


def server_config(*models: str) -> Any:
    text = "".join(f"config {{ model_platform: 'tensorflow' {model} }} " for model in models)
    message = model_server_config_pb2.ModelServerConfig()
    return text_format.Parse(f"model_config_list {{ {text} }}", message)


@pytest.fixture
def running(exported: Path, tmp_path: Path) -> Iterator[Models]:
    base_path = tmp_path / "click"
    for version in ("1", "2"):
        shutil.copytree(exported / version, base_path / version)
    models = Models([ModelConfig("click", base_path)], ManagerOptions(poll_wait_s=0.05))
    models.start()
    assert models.wait_until_available(30)
    yield models
    models.stop()


def test_reload_adds_changes_and_removes_models(running: Models, exported: Path, tmp_path: Path) -> None:
    click = f"name: 'click' base_path: '{tmp_path}/click'"
    other = f"name: 'other' base_path: '{exported}' model_version_policy {{ specific {{ versions: 1 }} }}"
    running.reload(server_config(click, other), 30)
    assert running.in_service() == {"click": [2], "other": [1]}
    with pytest.raises(RequestError) as caught:
        running.reload(server_config(click + " version_labels { key: 'stable' value: 1 }"))
    assert str(caught.value) == (
        "FAILED_PRECONDITION: Request to assign label to version 1 of model click, "
        "which is not currently available for inference"
    )
    assert running.names() == ["click", "other"]  # a refused configuration changes nothing
    running.reload(server_config(click + " version_labels { key: 'stable' value: 2 }"))
    with running.acquire("click", label="stable") as servable:
        assert servable.version == 2
    with pytest.raises(RequestError, match=r"Latest\(other\)"), running.acquire("other"):
        pass
    running.reload(server_config())
    assert running.in_service() == {}


def test_reload_refuses_what_cannot_be_served(running: Models, exported: Path, tmp_path: Path) -> None:
    one = f"name: 'one' base_path: '{exported}'"
    broken = tmp_path / "broken"
    (broken / "1").mkdir(parents=True)
    (broken / "1/saved_model.pb").write_bytes(b"no proto")
    for config, message in [
        (model_server_config_pb2.ModelServerConfig(), "INVALID_ARGUMENT: ServerModelConfig type not supported by "),
        (server_config(one, one), "INVALID_ARGUMENT: Illegal to list model one multiple times in config list"),
        (server_config("name: 'one' base_path: 'x'"), "INVALID_ARGUMENT: Expected model one to have an absolute path"),
        (text_format.Parse("model_config_list { config { name: 'click' base_path: '/m' model_platform: 'other' } }",
                           model_server_config_pb2.ModelServerConfig()),
         "INVALID_ARGUMENT: Illegal to change a model's platform. For model click platform was tensorflow and new "
         "platform requested is other"),
        (server_config(f"name: 'one' base_path: '{broken}'"),
         "UNKNOWN: 1 model(s) did not become available: {{{name: one version: 1} due to error: DATA_LOSS: Can't parse"),
        (server_config(f"name: 'two' base_path: '{tmp_path}/none'"),
         "UNKNOWN: 1 model(s) did not become available: {{{name: two} due to error: NOT_FOUND: Base path"),
    ]:  # fmt: skip
        with pytest.raises(RequestError) as caught:
            running.reload(config, 30)
        assert str(caught.value).startswith(message)


def test_a_base_path_can_change_while_requests_run(running: Models, exported: Path) -> None:
    running.reload(server_config(f"name: 'click' base_path: '{exported}'"), 30)
    deadline = time.monotonic() + 20
    while running.in_service() != {"click": [3]}:
        with running.acquire("click") as servable:  # never without a version
            assert servable.version in (2, 3)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_followed_config_file_adds_a_model_whose_label_waits_for_its_version(exported: Path, tmp_path: Path) -> None:
    config_file = tmp_path / "models.config"
    config_file.write_text("model_config_list {}")
    options = ManagerOptions(num_load_threads=0, config_file=config_file, config_poll_wait_s=1e-9)
    models = Models([], options)
    models.poll()
    assert models.names() == []
    config_file.write_text(
        f"model_config_list {{ config {{ name: 'click' base_path: '{exported}' model_platform: 'tensorflow' "
        "version_labels { key: 'stable' value: 3 } } }"
    )
    models.poll()
    assert models.in_service() == {"click": [3]}
    assert models.labels("click") == {"stable": 3}
