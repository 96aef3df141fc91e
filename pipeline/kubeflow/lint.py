"""What keeps a compiled pipeline from running on Kubeflow Pipelines v2, found in the file alone.

The rows are those of docs/kubeflow.md: eight incompatibilities between what TFX compiles and what the backend and the
launcher take (kubeflow/pipelines, 2.0 to 2.17). Any package may be looked at, whoever compiled it.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from google.protobuf import json_format

from adclick.errors import SettingsError

SCHEMA_VERSION = "2.1.0"
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
SUFFIXES = (".yaml", ".yml", ".zip", ".tgz", ".gz")
"""Of what the SDK takes (kfp/client/client.py, `_extract_pipeline_yaml`)."""
PACKED = "pipeline.yaml"
"""The member of an archive that is meant, where there are several."""
TFX_ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
INFRA_VALIDATOR = "tfx.components.infra_validator."
MINIO = "minio://"


class Finding(NamedTuple):
    """One incompatibility."""

    row: int
    """1 to 8, as docs/kubeflow.md numbers them."""
    place: str
    """Where in the file, keys joined by dots."""
    message: str
    mend: str


def lint(file: Path) -> list[Finding]:
    """In the order of the rows. Raises SettingsError for a file that is no compiled pipeline."""
    document = _read(file)
    found: list[Finding] = []
    if file.suffix not in SUFFIXES:
        found.append(
            Finding(
                2,
                "",
                f"is a {file.suffix or 'nameless'} file, which the SDK's client does not take",
                "write it as .yaml",
            )
        )
    if "pipelineSpec" in document:
        found.append(
            Finding(
                2,
                "pipelineSpec",
                "is wrapped in a PipelineJob, which the API server takes for an empty pipeline",
                "compile to .yaml, and pass pipeline root and parameters at submission",
            )
        )
        document = document["pipelineSpec"]
    return sorted([*found, *lint_spec(document, str(file))], key=lambda one: (one.row, one.place))


def lint_spec(document: Mapping[str, Any], told: str) -> list[Finding]:
    """Of a PipelineSpec in protobuf's JSON. Raises SettingsError where it is none; `told` names it."""
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec, deployment = pipeline_spec_pb2.PipelineSpec(), pipeline_spec_pb2.PipelineDeploymentConfig()
    try:
        json_format.ParseDict(dict(document), spec, ignore_unknown_fields=True)
        json_format.ParseDict(document.get("deploymentSpec", {}), deployment, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise SettingsError(
            f"{told}: is no compiled pipeline: {error}; give a file that a pipeline compiler wrote"
        ) from None
    if not spec.root.dag.tasks:
        raise SettingsError(f"{told}: has no tasks below root.dag; give a file that a pipeline compiler wrote")
    return [*_of_the_whole(spec), *_of_executors(spec, deployment), *_of_constants(spec)]


def _of_the_whole(spec: Any) -> Iterator[Finding]:
    if spec.schema_version != SCHEMA_VERSION:
        yield Finding(
            1,
            "schemaVersion",
            f"is {spec.schema_version or 'missing'!r}, and the backend accepts {SCHEMA_VERSION} only",
            "compile with KubeflowV2DagRunnerConfig(use_pipeline_spec_2_1=True)",
        )
    if not NAME.fullmatch(spec.pipeline_info.name):
        yield Finding(
            2,
            "pipelineInfo.name",
            f"is {spec.pipeline_info.name!r}, which the API server refuses",
            "use lower-case letters, digits, '-' and '.', a letter or digit at both ends",
        )
    for name, parameter in spec.root.input_definitions.parameters.items():
        if not parameter.HasField("default_value") and not parameter.is_optional:
            yield Finding(
                2,
                f"root.inputDefinitions.parameters.{name}",
                "has no default, since YAML has no room for TFX's runtime configuration",
                "give it a defaultValue in the file, or pass it at each submission",
            )


def _of_executors(spec: Any, deployment: Any) -> Iterator[Finding]:
    takes_artifacts = {one.executor_label for one in spec.components.values() if one.input_definitions.artifacts}
    for label, executor in sorted(deployment.executors.items()):
        place = f"deploymentSpec.executors.{label}"
        if executor.WhichOneof("spec") == "resolver":
            yield Finding(
                5,
                f"{place}.resolver",
                "is a resolver, which the backend does not implement",
                "read the model in service from its folder in a component (components/served_model)",
            )
        container = executor.container
        words = [*container.command, *container.args]
        if container.HasField("lifecycle"):
            yield Finding(
                6,
                f"{place}.container.lifecycle.preCacheCheck",
                "is never run, so that spans are not resolved and changed files go unnoticed",
                "run the driver in the container before the executor, and compile the task without caching",
            )
        if any(word.startswith(INFRA_VALIDATOR) for word in words):
            yield Finding(
                7,
                f"{place}.container.args",
                "is InfraValidator, which TFX does not support here and which needs Docker",
                "serve and ask the candidate in a component (components/serving_canary)",
            )
        if TFX_ENTRY_POINT in words:
            yield from _of_the_stock_entry_point(f"{place}.container.command", label in takes_artifacts)
        yield from (
            Finding(8, f"{place}.container", f"names {word!r}, which no file layer of TensorFlow opens", _MAPPED)
            for word in words
            if word.startswith(MINIO)
        )


def _of_the_stock_entry_point(place: str, takes_artifacts: bool) -> Iterator[Finding]:
    mend = "set default_commands to an entry point that mends it (pipeline/kubeflow/entry_point.py)"
    if takes_artifacts:
        yield Finding(3, place, "TFX's entry point fails at inputs, which come without their types", mend)
    yield Finding(4, place, "TFX's entry point fails at the output executor-logs, which launchers since 2.5 add", mend)
    yield Finding(8, place, "TFX's entry point opens minio:// URIs, which TensorFlow does not know", mend)


_MAPPED = "give s3:// and an endpoint (AWS_ENDPOINT_URL_S3), or the local path that the launcher mirrors it to"


def _of_constants(spec: Any) -> Iterator[Finding]:
    dags = [("root", spec.root), *((f"components.{name}", one) for name, one in sorted(spec.components.items()))]
    for place, component in dags:
        for name, task in sorted(component.dag.tasks.items()):
            for key, parameter in sorted(task.inputs.parameters.items()):
                value = parameter.runtime_value
                text = value.constant.string_value or value.constant_value.string_value
                if MINIO in text:
                    yield Finding(
                        8,
                        f"{place}.dag.tasks.{name}.inputs.parameters.{key}",
                        "holds a minio:// URI, which no file layer of TensorFlow opens",
                        _MAPPED,
                    )


def _text(file: Path) -> str:
    """Raises OSError, StopIteration for an archive without a pipeline."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            return archive.read(_meant(archive.namelist())).decode("utf-8")
    if file.suffix in (".tgz", ".gz"):
        with tarfile.open(file, "r:gz") as archive:
            member = archive.extractfile(_meant([one.name for one in archive if one.isfile()]))
            return member.read().decode("utf-8") if member else ""
    return file.read_text(encoding="utf-8")


def _meant(names: list[str]) -> str:
    """The member of an archive that the SDK takes: the only YAML file, or the one of that name."""
    found = [name for name in names if name.endswith(".yaml")]
    return found[0] if len(found) == 1 else next(name for name in found if name == PACKED)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = _text(file)
        documents = [json.loads(text)] if file.suffix == ".json" else list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file; write one with `adclick kubeflow compile`") from None
    except StopIteration:
        raise SettingsError(f"{file}: holds neither one .yaml file nor {PACKED}, which the SDK would take") from None
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{file}: is neither YAML nor JSON: {' '.join(str(error).split())}") from None
    first = documents[0] if documents else None
    if not isinstance(first, dict):
        raise SettingsError(f"{file}: holds no mapping; give a file that a pipeline compiler wrote")
    return first
