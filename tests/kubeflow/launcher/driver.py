"""Inputs and outputs of a task, as backend/src/v2/driver resolves them into an ExecutorInput."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb
from launcher.package import Package, RefusedPackageError
from launcher.pod import Pod, PodError

LOGS = "executor-logs"


@dataclass(frozen=True)
class Release:
    """What differs between releases of Kubeflow Pipelines (provisionOutputs in driver.go, later container.go)."""

    salted: bool = True
    """Output URIs have a part that no other attempt has."""
    logs: bool = True
    """The container's output is an output artifact, of a type that is no TFX's."""
    beside: bool = True
    """The file for ExecutorOutput lies beside the outputs; and outputs have names."""


KFP_2_0 = Release(salted=False, logs=False, beside=False)
KFP_2_5 = Release(beside=False)
NEWEST = Release()
WITHOUT_LOGS = Release(logs=False)  # PUBLISH_LOGS=false in the API server's environment
_KINDS = {
    "string_value": {"STRING"},
    "number_value": {"NUMBER_DOUBLE", "NUMBER_INTEGER"},
    "bool_value": {"BOOLEAN"},
    "list_value": {"LIST"},
    "struct_value": {"STRUCT", "TASK_FINAL_STATUS", "TASK_CONFIG"},
}


@dataclass
class Produced:
    """What a task that ended well left."""

    artifacts: dict[str, spec_pb.RuntimeArtifact] = field(default_factory=dict)
    """First artifact under each output key, as ML Metadata gives it back."""
    parameters: dict[str, struct_pb2.Value] = field(default_factory=dict)


@dataclass(frozen=True)
class RunContext:
    """What the API server fixed for the run."""

    run_id: str
    run_name: str
    pipeline_root: str
    parameters: Mapping[str, struct_pb2.Value]
    created: str
    """RFC 3339."""


def root_parameters(package: Package, given: Mapping[str, object]) -> dict[str, struct_pb2.Value]:
    """Runtime parameters with the package's defaults filled in.

    Raises:
        RefusedPackageError: one is missing, or not the pipeline's.
    """
    wanted = package.spec.root.input_definitions.parameters
    unknown = sorted(set(given) - set(wanted))
    if unknown:
        raise RefusedPackageError(f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")
    values = {}
    for name, definition in wanted.items():
        value = struct_pb2.Value()
        if name in given:
            json_format.ParseDict(given[name], value)
            try:
                _check_kind(name, value, definition.parameter_type)
            except PodError as error:
                raise RefusedPackageError(str(error)) from error
        elif definition.HasField("default_value"):
            value.CopyFrom(definition.default_value)
        elif definition.is_optional:
            value.null_value = struct_pb2.NULL_VALUE
        else:
            raise RefusedPackageError(
                f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
        values[name] = value
    return values


def executor_input(
    package: Package,
    task: str,
    produced: Mapping[str, Produced],
    run: RunContext,
    pod: Pod,
    release: Release,
    salt: str,
) -> spec_pb.ExecutorInput:
    """What the launcher of the task is started with.

    Raises:
        PodError: an input that cannot be resolved.
    """
    message = spec_pb.ExecutorInput()
    message.inputs.SetInParent()
    for name, source in package.tasks[task].inputs.artifacts.items():
        wanted = source.task_output_artifact
        found = produced[wanted.producer_task].artifacts.get(wanted.output_artifact_key)
        if found is None:
            raise PodError(
                f"cannot find output artifact key {wanted.output_artifact_key!r} "
                f"in producer task {wanted.producer_task!r}"
            )
        message.inputs.artifacts[name].artifacts.add().CopyFrom(found)
    _resolve_parameters(package, task, produced, run, message)
    task_root = posixpath.join(run.pipeline_root, task, *([salt] if release.salted else []))
    _provision_outputs(package.component(task), task_root, pod, message, release)
    return message


def _resolve_parameters(
    package: Package,
    task: str,
    produced: Mapping[str, Produced],
    run: RunContext,
    message: spec_pb.ExecutorInput,
) -> None:
    values = message.inputs.parameter_values
    for name, source in package.tasks[task].inputs.parameters.items():
        value = _parameter(source, produced, run, task)
        if value.WhichOneof("kind") != "null_value":
            values[name].CopyFrom(value)
    for name, definition in package.component(task).input_definitions.parameters.items():
        if name not in values:
            if not definition.is_optional and not definition.HasField("default_value"):
                raise PodError(f"neither value nor default value provided for non-optional parameter {name!r}")
            continue
        kind = spec_pb.ParameterType.ParameterTypeEnum.Name(definition.parameter_type)
        if kind == "STRING" and values[name].WhichOneof("kind") != "string_value":
            values[name].string_value = as_text(values[name])
        _check_kind(name, values[name], definition.parameter_type)


def _parameter(
    source: spec_pb.TaskInputsSpec.InputParameterSpec, produced: Mapping[str, Produced], run: RunContext, task: str
) -> struct_pb2.Value:
    kind = source.WhichOneof("kind")
    if kind == "component_input_parameter":
        if source.component_input_parameter not in run.parameters:
            raise PodError(f"parent DAG does not have input parameter {source.component_input_parameter}")
        return run.parameters[source.component_input_parameter]
    if kind == "task_output_parameter":
        wanted = source.task_output_parameter
        return produced[wanted.producer_task].parameters[wanted.output_parameter_key]
    if kind == "runtime_value" and source.runtime_value.WhichOneof("value") == "constant":
        known = {
            "{{$.pipeline_job_name}}": run.run_name,
            "{{$.pipeline_job_resource_name}}": run.run_name,
            "{{$.pipeline_job_uuid}}": run.run_id,
            "{{$.pipeline_task_name}}": task,
            "{{$.pipeline_task_uuid}}": "1",
            "{{$.pipeline_job_create_time_utc}}": run.created,
            "{{$.pipeline_job_schedule_time_utc}}": run.created,
        }
        constant = source.runtime_value.constant
        if constant.string_value in known:
            return struct_pb2.Value(string_value=known[constant.string_value])
        return constant
    raise PodError(f"parameter spec of type {kind} not implemented yet")


def _provision_outputs(
    component: spec_pb.ComponentSpec, task_root: str, pod: Pod, message: spec_pb.ExecutorInput, release: Release
) -> None:
    outputs = message.outputs
    outputs.SetInParent()
    for name, definition in component.output_definitions.artifacts.items():
        own_name = name if release.beside else ""
        artifact = outputs.artifacts[name].artifacts.add(name=own_name, uri=posixpath.join(task_root, name))
        artifact.type.CopyFrom(definition.artifact_type)
        if definition.HasField("metadata"):
            artifact.metadata.CopyFrom(definition.metadata)
    if release.logs:
        own_name = LOGS if release.beside else ""
        artifact = outputs.artifacts[LOGS].artifacts.add(name=own_name, uri=posixpath.join(task_root, LOGS))
        artifact.type.schema_title = "system.Artifact"
    for name in component.output_definitions.parameters:
        outputs.parameters[name].output_file = str(pod.output_parameter(name))
    folder = pod.local(task_root) if release.beside else pod.root / "tmp" / "kfp_outputs"
    outputs.output_file = str(folder / "output_metadata.json")


def as_text(value: struct_pb2.Value) -> str:
    """A value inside of a command line (PbValueToText in backend/src/v2/metadata/converter.go)."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return str(value.string_value)
    if kind == "number_value":
        number = value.number_value
        return str(int(number)) if number == int(number) else repr(number)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    return json.dumps(json_format.MessageToDict(value), separators=(",", ":"))


def _check_kind(name: str, value: struct_pb2.Value, wanted: int) -> None:
    kind = value.WhichOneof("kind")
    expected = spec_pb.ParameterType.ParameterTypeEnum.Name(wanted)
    if expected not in _KINDS.get(kind or "", set()):
        raise PodError(f"input parameter {name!r} type mismatch: expect {expected}, got {kind}")
