"""Command and arguments with their placeholders filled in.

First what the driver does (resolveContainerArgs in backend/src/v2/driver/util.go), then what the launcher does
(compileCmdAndArgs in backend/src/v2/component/launcher_v2.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb
from launcher.driver import as_text
from launcher.pod import Pod, PodError

_PARAMETER = re.compile(r"\{\{\$\.inputs\.parameters\['(.+?)'\]\}\}")


def command_line(
    words: Sequence[str], component: spec_pb.ComponentSpec, message: spec_pb.ExecutorInput, pod: Pod
) -> list[str]:
    """The words that the process is started with.

    Raises:
        PodError: a placeholder of a parameter without a value.
    """
    resolved = [word for each in words for word in _by_driver(each, message)]
    if not resolved:
        raise PodError("command and arguments are empty")
    with_defaults = spec_pb.ExecutorInput()
    with_defaults.CopyFrom(message)
    for name, definition in component.input_definitions.parameters.items():
        if definition.HasField("default_value") and name not in with_defaults.inputs.parameter_values:
            with_defaults.inputs.parameter_values[name].CopyFrom(definition.default_value)
    whole = json_format.MessageToJson(with_defaults, indent=None)
    values = _values(with_defaults, pod)
    # Upstream fills nothing but {{$}} into the first word.
    return [resolved[0].replace("{{$}}", whole), *(_by_launcher(word, whole, values) for word in resolved[1:])]


def _by_launcher(word: str, whole: str, values: dict[str, str]) -> str:
    word = word.replace("{{$}}", whole)
    for placeholder, value in values.items():
        word = word.replace(placeholder, value)
    return word


def _by_driver(word: str, message: spec_pb.ExecutorInput) -> list[str]:
    if "$.outputs" in word:
        return [word]
    if not word.strip().startswith('{"IfPresent":'):
        return [_parameters_filled(word, message)]
    condition = json.loads(word)["IfPresent"]
    present = condition["InputName"] in message.inputs.parameter_values
    chosen = condition.get("Then" if present else "Else") or []
    return [_parameters_filled(each, message) for each in ([chosen] if isinstance(chosen, str) else chosen)]


def _parameters_filled(word: str, message: spec_pb.ExecutorInput) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in message.inputs.parameter_values:
            raise PodError(f"failed to resolve input parameters: parameter {match[1]!r} not found in executor input")
        return as_text(message.inputs.parameter_values[match[1]])

    return _PARAMETER.sub(value, word)


def _values(message: spec_pb.ExecutorInput, pod: Pod) -> dict[str, str]:
    values = {}
    for side, artifacts in (("inputs", message.inputs.artifacts), ("outputs", message.outputs.artifacts)):
        for name, several in artifacts.items():
            uri = several.artifacts[0].uri
            values[f"{{{{$.{side}.artifacts['{name}'].uri}}}}"] = uri
            values[f"{{{{$.{side}.artifacts['{name}'].path}}}}"] = str(pod.local(uri))
    for name, value in message.inputs.parameter_values.items():
        values[f"{{{{$.inputs.parameters['{name}']}}}}"] = as_text(value)
    for name, parameter in message.outputs.parameters.items():
        values[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter.output_file
    return values
