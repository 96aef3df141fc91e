"""Small packages whose containers are shell scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from launcher.run import Cluster

# Types as TFX's compiler writes them: with a schema where the SDK knows none, by title elsewhere.
EXAMPLES = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}


class Source(NamedTuple):
    """Where a parameter comes from, unless it is a constant."""

    spec: dict[str, Any]
    kind: str


def from_task(task: str, key: str, kind: str) -> Source:
    """An output parameter of another task."""
    return Source({"taskOutputParameter": {"producerTask": task, "outputParameterKey": key}}, kind)


def from_root(name: str, kind: str) -> Source:
    """A runtime parameter of the pipeline."""
    return Source({"componentInputParameter": name}, kind)


def shell(
    script: str,
    words: Sequence[str] = (),
    *,
    takes: Mapping[str, str] | None = None,
    gives: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
    gives_parameters: Mapping[str, str] | None = None,
    after: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    retries: int = 0,
) -> dict[str, Any]:
    """A task: `script` sees `words`, placeholders and all, as $1, $2, ...

    Args:
        takes: input artifacts by name, as "task/output".
        gives: output artifacts.
        given: input parameters by name: a constant or a Source.
        gives_parameters: output parameters by name, with their types.
    """
    return {
        "script": script, "words": list(words), "takes": dict(takes or {}), "gives": list(gives),
        "given": dict(given or {}), "gives_parameters": dict(gives_parameters or {}), "after": list(after),
        "env": dict(env or {}), "retries": retries,
    }  # fmt: skip


def tiny_package(
    file: Path,
    tasks: Mapping[str, dict[str, Any]],
    *,
    parameters: Mapping[str, Any] | None = None,
    platform: Mapping[str, Any] | None = None,
    **document: Any,
) -> Path:
    """Writes the package.

    Args:
        parameters: the pipeline's own, as the spec defines them.
        platform: the second document's content for Kubernetes.
        document: keys of the pipeline spec to replace or to add.
    """
    root: dict[str, Any] = {"dag": {"tasks": {name: _task(name, task) for name, task in tasks.items()}}}
    if parameters:
        root["inputDefinitions"] = {"parameters": parameters}
    spec = {
        "pipelineInfo": {"name": "tiny"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "tfx-1.16.0",
        "root": root,
        "components": {f"comp-{name}": _component(name, task) for name, task in tasks.items()},
        "deploymentSpec": {"executors": {f"exec-{name}": _executor(task) for name, task in tasks.items()}},
        **document,
    }
    documents = [spec] if platform is None else [spec, {"platforms": {"kubernetes": platform}}]
    file.write_text(yaml.safe_dump_all(documents), "utf-8")
    return file


def shell_cluster(root: Path, **more: Any) -> Cluster:
    """A cluster whose image has a shell and nothing else."""
    return Cluster(root, {"PATH": "/usr/bin:/bin"}, timeout_s=20, **more)


def _kind(value: Any) -> str:
    if isinstance(value, Source):
        return value.kind
    kinds = {str: "STRING", bool: "BOOLEAN", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", list: "LIST"}
    return kinds.get(type(value), "STRUCT")


def _source(value: Any) -> dict[str, Any]:
    return value.spec if isinstance(value, Source) else {"runtimeValue": {"constant": value}}


def _task(name: str, task: Mapping[str, Any]) -> dict[str, Any]:
    artifacts = {}
    for key, source in task["takes"].items():
        producer, output = source.split("/")
        artifacts[key] = {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": output}}
    inputs = {"artifacts": artifacts, "parameters": {key: _source(value) for key, value in task["given"].items()}}
    spec = {"taskInfo": {"name": name}, "componentRef": {"name": f"comp-{name}"}, "inputs": inputs}
    if task["after"]:
        spec["dependentTasks"] = task["after"]
    if task["retries"]:
        spec["retryPolicy"] = {"maxRetryCount": task["retries"]}
    return spec


def _component(name: str, task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "executorLabel": f"exec-{name}",
        "inputDefinitions": {
            "artifacts": {key: {"artifactType": EXAMPLES} for key in task["takes"]},
            "parameters": {key: {"parameterType": _kind(value)} for key, value in task["given"].items()},
        },
        "outputDefinitions": {
            "artifacts": {key: {"artifactType": EXAMPLES} for key in task["gives"]},
            "parameters": {key: {"parameterType": kind} for key, kind in task["gives_parameters"].items()},
        },
    }


def _executor(task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "container": {
            "image": "shell",
            "command": ["sh", "-c", task["script"], "sh"],
            "args": task["words"],
            "env": [{"name": name, "value": value} for name, value in task["env"].items()],
        }
    }
