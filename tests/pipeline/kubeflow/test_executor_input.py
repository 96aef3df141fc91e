"""What the launcher gives and what it gets back, in its own words (backend/src/v2/driver, component/launcher_v2.go)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing

from adclick.errors import AdclickError
from components.artifacts import Columns
from pipeline.kubeflow.executor_input import read_invocation, write_outputs
from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE

ROOT = "minio://mlpipeline/v2/artifacts/adclick/run-1"
UNTYPED = {"instanceSchema": ""}


@pytest.fixture(autouse=True)
def _launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))


def schema(title: str) -> dict[str, Any]:
    return {"instanceSchema": f"title: {title}\ntype: object\n"}


def invocation(
    inputs: dict[str, Any], specs: dict[str, str], outputs: dict[str, Any], **parameters: tuple[str, Any]
) -> tuple[str, str]:
    """ExecutorInput and ComponentInputsSpec as JSON; a parameter is its type and its value."""
    given = {
        "inputs": {
            "artifacts": {key: {"artifacts": [one]} for key, one in inputs.items()},
            "parameterValues": {key: value for key, (_, value) in parameters.items()},
        },
        "outputs": {
            "artifacts": {key: {"artifacts": [one]} for key, one in outputs.items()},
            "outputFile": "/tmp/kfp_outputs/output_metadata.json",
        },
    }
    spec = {
        "artifacts": {key: {"artifactType": schema(title)} for key, title in specs.items()},
        "parameters": {key: {"parameterType": kind} for key, (kind, _) in parameters.items()},
    }
    return json.dumps(given), json.dumps(spec)


def test_types_come_from_the_spec_and_uris_become_local(tmp_path: Path) -> None:
    blessed = {"name": "26", "type": UNTYPED, "uri": f"{ROOT}/E/blessing", "metadata": {"blessed": 1.0, "who": "me"}}
    splits = {"split_names": '["train"]', "span": 3.0, "display_name": "x", "store_session_info": "{}"}
    examples = {"name": "4", "type": UNTYPED, "uri": f"{ROOT}/A/examples", "metadata": splits}
    columns = {"name": "5", "type": UNTYPED, "uri": "s3://other/columns"}
    call = read_invocation(
        *invocation(
            {"blessing": blessed, "examples": examples, "columns": columns},
            {"blessing": "tfx.ModelBlessing", "examples": "tfx.Examples", "columns": "adclick.Columns"},
            {},
        )
    )
    blessing, read, other = (call.inputs[key][0] for key in ("blessing", "examples", "columns"))
    assert (type(blessing), type(read), type(other)) == (ModelBlessing, Examples, Columns)
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("who") == "me"
    assert (blessing.id, read.id) == (26, 4)
    assert (read.split_names, read.span) == ('["train"]', 3)
    assert not read.has_custom_property("store_session_info")
    assert read.uri == f"{tmp_path}/minio/mlpipeline/v2/artifacts/adclick/run-1/A/examples"
    assert other.uri == f"{tmp_path}/s3/other/columns"
    assert Path(other.uri).is_dir()  # a store had nothing below it


def test_the_launchers_own_output_is_passed_over() -> None:
    model = {"name": "model", "type": schema("tfx.Model"), "uri": f"{ROOT}/T/model"}
    logs = {"name": "executor-logs", "type": {"schemaTitle": "system.Artifact"}, "uri": f"{ROOT}/T/executor-logs"}
    call = read_invocation(*invocation({}, {}, {"executor-logs": logs, "model": model}))
    assert {key: type(one[0]) for key, one in call.outputs.items()} == {"model": Model}
    assert call.output_uris == {"model": f"{ROOT}/T/model"}
    assert Path(call.outputs["model"][0].uri).is_dir()


def test_whole_numbers_are_told_from_others_by_the_spec() -> None:
    call = read_invocation(
        *invocation(
            {},
            {},
            {},
            rows=("NUMBER_INTEGER", 100.0),
            rate=("NUMBER_DOUBLE", 1),
            name=("STRING", "7"),
            no=("STRING", ""),
        )
    )
    assert call.properties == {"rows": 100, "rate": 1.0, "name": "7", "no": ""}
    assert isinstance(call.properties["rows"], int)
    assert isinstance(call.properties["rate"], float)


def test_what_goes_back_has_uris_and_no_nulls(tmp_path: Path) -> None:
    model = {"name": "model", "type": schema("tfx.ModelBlessing"), "uri": f"{ROOT}/T/blessing"}
    call = read_invocation(*invocation({}, {}, {"blessing": model}))
    blessing = call.outputs["blessing"][0]
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_string_custom_property("current_model", f"{tmp_path}/s3/b/model")
    blessing.set_json_value_custom_property("more", {"a": [1, 2]})
    blessing.mlmd_artifact.custom_properties["empty"].SetInParent()
    write_outputs(call.outputs, str(tmp_path / "new folder" / "output.json"))
    (left,) = json.loads((tmp_path / "new folder" / "output.json").read_text())["artifacts"]["blessing"]["artifacts"]
    assert left == {
        "uri": f"{ROOT}/T/blessing",
        "metadata": {"blessed": 1, "current_model": "s3://b/model", "more": {"a": [1.0, 2.0]}},
    }


@pytest.mark.parametrize(
    ("specs", "told"), [({}, "'model' is not in the component's inputs spec"), ({"model": ""}, "has no type")]
)
def test_an_input_of_no_known_type_is_told(specs: dict[str, str], told: str) -> None:
    with pytest.raises(AdclickError, match=f"{told}.*compile"):
        read_invocation(*invocation({"model": {"type": UNTYPED, "uri": f"{ROOT}/T/m"}}, specs, {}))
