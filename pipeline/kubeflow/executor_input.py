"""What the launcher hands to a container, as TFX's executors want it, and what goes back.

TFX's own entry point (kubeflow_v2_entrypoint_utils.py) takes an artifact's type from the artifact. Kubeflow Pipelines
gives upstream artifacts an empty one and adds an output of a type that is no TFX's, so types come from the component's
inputs spec here, and that output is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.kubeflow.v2.compiler_utils import TITLE_TO_CLASS_PATH
from tfx.types.artifact import Artifact, PropertyType
from tfx.utils import import_utils

from adclick.errors import AdclickError
from adclick.filesystem import replace_bytes
from pipeline.kubeflow.launcher_paths import local_path, uri_of

LAUNCHERS_OWN = ("executor-logs",)
"""Outputs that the launcher adds and keeps itself."""
LAUNCHERS_PROPERTIES = ("display_name", "store_session_info")
NUMBERS = (PropertyType.INT, PropertyType.FLOAT)

ArtifactLists = dict[str, list[Any]]


class Invocation(NamedTuple):
    """One execution, with local paths in place of URIs."""

    inputs: ArtifactLists
    outputs: ArtifactLists
    properties: dict[str, Any]
    output_uris: dict[str, str]
    """As the launcher gave them."""
    output_file: str


def read_invocation(executor_input: str, inputs_spec: str) -> Invocation:
    """From JSON of ExecutorInput and ComponentInputsSpec. Makes the outputs' folders.

    Raises AdclickError for an input whose type the spec does not tell.
    """
    message = pipeline_spec_pb2.ExecutorInput()
    json_format.Parse(executor_input, message, ignore_unknown_fields=True)
    spec = pipeline_spec_pb2.ComponentInputsSpec()
    json_format.Parse(inputs_spec, spec, ignore_unknown_fields=True)
    inputs = {}
    for key, listed in message.inputs.artifacts.items():
        if key not in spec.artifacts:
            raise AdclickError(
                f"input {key!r} is not in the component's inputs spec; compile anew with the image's adclick"
            )
        kind = _artifact_class(_title(spec.artifacts[key].artifact_type))
        inputs[key] = [_artifact(kind, one) for one in listed.artifacts]
    outputs, uris = {}, {}
    for key, listed in message.outputs.artifacts.items():
        if key in LAUNCHERS_OWN:
            continue
        outputs[key] = [_artifact(_artifact_class(_title(one.type)), one) for one in listed.artifacts]
        uris[key] = listed.artifacts[0].uri
    for artifact in _all(inputs, outputs):  # a store has no empty folders, and the launcher makes the parents only
        Path(artifact.uri).mkdir(parents=True, exist_ok=True)
    return Invocation(inputs, outputs, _properties(message, spec), uris, message.outputs.output_file)


def write_outputs(outputs: Mapping[str, list[Any]], file: str) -> None:
    """ExecutorOutput as JSON: the launcher takes URIs and metadata of the artifacts from there."""
    document = {
        "artifacts": {
            key: {"artifacts": [{"uri": uri_of(one.uri), "metadata": _metadata(one)} for one in artifacts]}
            for key, artifacts in outputs.items()
        }
    }
    replace_bytes(file, json.dumps(document, ensure_ascii=False, allow_nan=False).encode())


def _all(*sides: ArtifactLists) -> Iterable[Any]:
    return [one for side in sides for artifacts in side.values() for one in artifacts]


def _title(schema: pipeline_spec_pb2.ArtifactTypeSchema) -> str:
    if schema.schema_title:
        return str(schema.schema_title)
    found = yaml.safe_load(schema.instance_schema) or {}
    return str(found.get("title") or "")


def _artifact_class(title: str) -> type[Artifact]:
    """`tfx.<Class>` for TFX's own types, an import path for others."""
    if not title:
        raise AdclickError("an artifact has no type; compile anew with the image's adclick")
    found: type[Artifact] = import_utils.import_class_by_path(TITLE_TO_CLASS_PATH.get(title, title))
    return found


def _artifact(kind: type[Artifact], given: pipeline_spec_pb2.RuntimeArtifact) -> Artifact:
    artifact = kind()
    artifact.uri = local_path(given.uri)
    if given.name.isdecimal():  # its number in ML Metadata
        artifact.id = int(given.name)
    declared = kind.PROPERTIES or {}
    for key, value in json_format.MessageToDict(given.metadata).items():
        if key in LAUNCHERS_PROPERTIES:
            continue
        if key in declared and declared[key].type in NUMBERS:
            setattr(artifact, key, int(value) if declared[key].type == PropertyType.INT else float(value))
        elif key in declared:
            setattr(artifact, key, value)
        elif isinstance(value, str):
            artifact.set_string_custom_property(key, value)
        else:  # a JSON value is read as either kind of number, as long as it is a float
            whole = isinstance(value, int) and not isinstance(value, bool)
            artifact.set_json_value_custom_property(key, float(value) if whole else value)
    _ = artifact.mlmd_artifact  # only now the JSON values are where the getters look
    return artifact


def _metadata(artifact: Artifact) -> dict[str, Any]:
    """Without nulls, at which the launcher would fail; a local path among the values becomes its URI again."""
    message = artifact.mlmd_artifact
    found = {key: _value(value) for key, value in (*message.properties.items(), *message.custom_properties.items())}
    return {key: value for key, value in found.items() if value is not None}


def _value(value: metadata_store_pb2.Value) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return uri_of(value.string_value)
    if kind == "struct_value":
        found = json_format.MessageToDict(value.struct_value)
        return found.get("__value__", found)  # tfx/types/artifact.py, _encode_struct_value
    return getattr(value, kind) if kind else None


def _properties(
    message: pipeline_spec_pb2.ExecutorInput, spec: pipeline_spec_pb2.ComponentInputsSpec
) -> dict[str, Any]:
    """JSON has one kind of number; which are whole the spec tells."""
    whole = pipeline_spec_pb2.ParameterType.NUMBER_INTEGER
    values = json_format.MessageToDict(message.inputs).get("parameterValues", {})
    return {
        key: int(value) if spec.parameters[key].parameter_type == whole else value
        for key, value in values.items()
        if value is not None
    }
