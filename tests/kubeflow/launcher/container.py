"""One container: what the launcher does around the command (executeV2 in backend/src/v2/component/launcher_v2.go)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb
from launcher.bucket import Buckets
from launcher.driver import LOGS, Produced
from launcher.metadata import MetadataStore
from launcher.pod import Pod, PodError


@dataclass(frozen=True)
class Use:
    """What the container's process and its children took."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float


@dataclass(frozen=True)
class Ended:
    """A container that ended, well or not."""

    status: int
    """Exit status, negative for a signal."""
    use: Use
    missing: list[str] = field(default_factory=list)
    """Output keys under which nothing was found; the launcher only warns."""
    produced: Produced = field(default_factory=Produced)


def run_container(
    words: Sequence[str],
    environment: Mapping[str, str],
    component: spec_pb.ComponentSpec,
    message: spec_pb.ExecutorInput,
    pod: Pod,
    buckets: Buckets,
    metadata: MetadataStore,
    log: Path,
    timeout_s: float,
) -> Ended:
    """Inputs down, command run, outputs up.

    Raises:
        PodError: the launcher gave up before or after the command.
    """
    for several in message.inputs.artifacts.values():
        for artifact in several.artifacts:
            buckets.download(artifact.uri, pod.local(artifact.uri))
    for several in message.outputs.artifacts.values():
        pod.local(several.artifacts[0].uri).parent.mkdir(parents=True, exist_ok=True)
    for parameter in message.outputs.parameters.values():
        Path(parameter.output_file).parent.mkdir(parents=True, exist_ok=True)
    status, use = _run(words, environment, pod.root / "work", log, timeout_s)
    logs = message.outputs.artifacts[LOGS].artifacts[0].uri if LOGS in message.outputs.artifacts else ""
    if logs:
        pod.local(logs).write_bytes(log.read_bytes())
    if status != 0:
        if logs:
            buckets.upload(pod.local(logs), logs)
        return Ended(status, use)
    given = _executor_output(Path(message.outputs.output_file))
    produced = Produced(parameters=_parameters(component, message, given))
    missing = []
    for name, several in message.outputs.artifacts.items():
        artifact = several.artifacts[0]
        if name != LOGS and given.artifacts[name].artifacts:
            _merge(given.artifacts[name].artifacts[0], artifact)
        if not buckets.upload(pod.local(artifact.uri), artifact.uri):
            missing.append(name)
        produced.artifacts[name] = metadata.recorded(name, artifact)
    return Ended(status, use, missing, produced)


def _run(
    words: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, timeout_s: float
) -> tuple[int, Use]:
    """Exit status and use; whoever is left of its process group ends with it, as with a container."""
    started = time.monotonic()
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                list(words), env=dict(environment), cwd=folder, stdout=stream, stderr=stream,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:  # a command that is not there, or an argument beyond 128 KiB
            raise PodError(f"failed to start {words[0]}: {error}") from error
        alarm = threading.Timer(timeout_s, _end_group, [process.pid])
        alarm.start()
        try:
            _, state, usage = os.wait4(process.pid, 0)
        finally:
            alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(state)
        _end_group(process.pid)
    wall_s = time.monotonic() - started
    return process.returncode, Use(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _executor_output(file: Path) -> spec_pb.ExecutorOutput:
    output = spec_pb.ExecutorOutput()
    if not file.is_file():
        return output
    try:
        json_format.Parse(file.read_text("utf-8"), output)
    except json_format.ParseError as error:
        raise PodError(f"failed to unmarshall ExecutorOutput in file {str(file)!r}: {error}") from error
    return output


def _parameters(
    component: spec_pb.ComponentSpec, message: spec_pb.ExecutorInput, given: spec_pb.ExecutorOutput
) -> dict[str, struct_pb2.Value]:
    values = dict(given.parameter_values)
    for name, parameter in message.outputs.parameters.items():
        if name in values:
            continue
        kind = spec_pb.ParameterType.ParameterTypeEnum.Name(
            component.output_definitions.parameters[name].parameter_type
        )
        try:
            text = Path(parameter.output_file).read_text("utf-8")
            values[name] = _from_text(text, kind)
        except (OSError, ValueError) as error:
            raise PodError(
                f"failed to read output parameter name={name!r} type={kind!r} path={parameter.output_file!r}: {error}"
            ) from error
    return values


def _from_text(text: str, kind: str) -> struct_pb2.Value:
    if kind == "STRING":
        return struct_pb2.Value(string_value=text)
    if kind == "NUMBER_INTEGER":
        return struct_pb2.Value(number_value=int(text))
    if kind == "NUMBER_DOUBLE":
        return struct_pb2.Value(number_value=float(text))
    if kind == "BOOLEAN":
        if text.strip() not in ("1", "t", "T", "true", "True", "TRUE", "0", "f", "F", "false", "False", "FALSE"):
            raise ValueError(f"{text!r} is no boolean")
        return struct_pb2.Value(bool_value=text.strip()[0] in "1tT")
    value = struct_pb2.Value()
    json_format.Parse(text, value)
    return value


def _merge(given: spec_pb.RuntimeArtifact, artifact: spec_pb.RuntimeArtifact) -> None:
    """mergeRuntimeArtifacts: URI and metadata only."""
    if given.uri:
        artifact.uri = given.uri
    for key, value in given.metadata.fields.items():
        artifact.metadata.fields[key].CopyFrom(value)
