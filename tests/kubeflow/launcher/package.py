"""A compiled package as the API server reads it: the pipeline spec and, in a second document, the platform spec.

Refusals follow backend/src/apiserver/template/v2_template.go and backend/src/v2/compiler of kubeflow/pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb

SCHEMA_VERSION = "2.1.0"
PIPELINE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class RefusedPackageError(Exception):
    """The API server or the compiler behind it would not take the package."""


@dataclass(frozen=True)
class Package:
    """What the YAML says, parsed."""

    spec: spec_pb.PipelineSpec
    deployment: spec_pb.PipelineDeploymentConfig
    kubernetes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Executor label -> KubernetesExecutorConfig, as written."""

    @property
    def tasks(self) -> Mapping[str, spec_pb.PipelineTaskSpec]:
        """Tasks of the root DAG by name."""
        tasks: Mapping[str, spec_pb.PipelineTaskSpec] = self.spec.root.dag.tasks
        return tasks

    def component(self, task: str) -> spec_pb.ComponentSpec:
        """The component of a task."""
        return self.spec.components[self.tasks[task].component_ref.name]

    def container(self, task: str) -> spec_pb.PipelineDeploymentConfig.PipelineContainerSpec:
        """Image, command, arguments and environment of a task."""
        return self.deployment.executors[self.component(task).executor_label].container

    def platform(self, task: str) -> Mapping[str, Any]:
        """The task's KubernetesExecutorConfig, empty where the package has none."""
        return self.kubernetes.get(self.component(task).executor_label, {})

    def upstream(self, task: str) -> set[str]:
        """Tasks that have to end first."""
        inputs = self.tasks[task].inputs
        producers = {each.task_output_artifact.producer_task for each in inputs.artifacts.values()}
        producers |= {each.task_output_parameter.producer_task for each in inputs.parameters.values()}
        return (producers | set(self.tasks[task].dependent_tasks)) - {""}

    def order(self) -> list[str]:
        """All tasks, producers first; by name where the graph leaves a choice.

        Raises:
            RefusedPackageError: a task waits for itself or for one that is not there.
        """
        done: list[str] = []
        left = sorted(self.tasks)
        while left:
            ready = [task for task in left if self.upstream(task) <= set(done)]
            if not ready:
                raise RefusedPackageError(f"tasks wait for each other or for tasks that are missing: {left}")
            done += ready
            left = [task for task in left if task not in ready]
        return done


def read_package(path: Path) -> Package:
    """The package in a YAML file.

    Raises:
        RefusedPackageError: upstream's reason, word for word where it has one.
    """
    spec, platform = None, {}
    for document in yaml.safe_load_all(path.read_text("utf-8")):
        if not isinstance(document, dict):
            continue
        if "pipelineInfo" in document:
            if spec is not None:
                raise RefusedPackageError("multiple pipeline specs provided")
            spec = _pipeline_spec(document)
        elif "kubernetes" in document.get("platforms", {}):
            platform = document["platforms"]["kubernetes"]
    if spec is None:
        raise RefusedPackageError("no pipeline spec is provided")
    deployment = spec_pb.PipelineDeploymentConfig()
    json_format.ParseDict(json_format.MessageToDict(spec.deployment_spec), deployment, ignore_unknown_fields=True)
    package = Package(spec, deployment, platform.get("deploymentSpec", {}).get("executors", {}))
    for task in package.order():
        _check_task(package, task)
    return package


def _pipeline_spec(document: Mapping[str, Any]) -> spec_pb.PipelineSpec:
    spec = spec_pb.PipelineSpec()
    try:
        json_format.ParseDict(document, spec)
    except json_format.ParseError as error:
        raise RefusedPackageError(f"invalid v2 pipeline spec: {error}") from error
    if spec.schema_version != SCHEMA_VERSION:
        raise RefusedPackageError(
            f"KFP only supports schema version {SCHEMA_VERSION}, "
            f"but the pipeline spec has version {spec.schema_version}"
        )
    if not PIPELINE_NAME.search(spec.pipeline_info.name):
        raise RefusedPackageError(f"invalid v2 pipeline spec: name {spec.pipeline_info.name!r} is not lower case")
    if not spec.root.dag.tasks:
        raise RefusedPackageError("invalid v2 pipeline spec: root component is empty")
    return spec


def _check_task(package: Package, task: str) -> None:
    name = package.tasks[task].component_ref.name
    if name not in package.spec.components:
        raise RefusedPackageError(f"cannot find component ref name={name!r}")
    label = package.component(task).executor_label
    if label not in package.deployment.executors:
        raise RefusedPackageError(f"executor(label={label!r}) not found in deployment config")
    kind = package.deployment.executors[label].WhichOneof("spec")
    if kind == "importer":
        raise NotImplementedError(f"{task}: the emulator runs containers only, not importers")
    if kind != "container":
        raise RefusedPackageError(
            f"error processing component name={name!r}: executor(label={label!r}): "
            "non-container and non-importer executor not implemented"
        )
    spec = package.tasks[task]
    if spec.trigger_policy.condition or spec.WhichOneof("iterator"):
        raise NotImplementedError(f"{task}: the emulator knows neither conditions nor loops")
