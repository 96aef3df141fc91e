"""TFX's own container entry point fails on what the emulator hands over, in the way that it fails on a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from launcher.driver import KFP_2_5, WITHOUT_LOGS, Release
from launcher.run import run
from launcher.tiny import shell, shell_cluster, tiny_package

OUT = "{{$.outputs.artifacts['out'].path}}"


def _second_of_two(tmp_path: Path, release: Release) -> Any:
    tasks = {
        "first": shell('mkdir -p "$1" && echo x > "$1/f"', [OUT], gives=["out"]),
        "second": shell('printf %s "$1"', ["{{$}}"], takes={"in": "first/out"}, gives=["out"]),
    }
    tmp_path.mkdir(exist_ok=True)
    done = run(tiny_package(tmp_path / "p.yaml", tasks), shell_cluster(tmp_path / "cluster", release=release))
    message = pipeline_spec_pb2.ExecutorInput()
    json_format.ParseDict(json.loads(done.tasks["second"].text), message)
    return message


def test_an_upstream_artifact_has_no_type_that_tfx_could_read(tmp_path: Path) -> None:
    message = _second_of_two(tmp_path, WITHOUT_LOGS)
    from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import parse_raw_artifact_dict

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'get'"):
        parse_raw_artifact_dict(message.inputs.artifacts)


def test_executor_logs_have_a_type_that_tfx_does_not_know(tmp_path: Path) -> None:
    message = _second_of_two(tmp_path, KFP_2_5)
    from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import parse_raw_artifact_dict

    with pytest.raises(ImportError, match="system"):
        parse_raw_artifact_dict(message.outputs.artifacts)
    # which is the only one
    without = _second_of_two(tmp_path / "without", WITHOUT_LOGS)
    assert [one.type_name for one in parse_raw_artifact_dict(without.outputs.artifacts)["out"]] == ["Examples"]
