"""The graph to a file for Kubeflow Pipelines or Vertex AI: YAML, schema 2.1.0.

TFX's KubeflowV2DagRunner does the work. What is added here: our entry point and what it needs to know, resources and
environment, which components may be cached, and the platform spec.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from adclick.errors import AdclickError, SettingsError
from configs.settings import Settings
from pipeline.kubeflow.lint import lint_spec
from pipeline.kubeflow.places import cluster_places
from pipeline.kubeflow.platform_spec import platform_spec, resource_spec

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.locations import Locations

COMMAND = ("python", "-m", "pipeline.kubeflow.entry_point")
FORCE_BLESS = "force_bless"
"""Runtime parameter: why a model that the gate refuses goes into service all the same; empty: it does not."""
MAX_ARGUMENT_BYTES = 120_000
"""Of one argument on Linux, 128 KiB (execve(2), MAX_ARG_STRLEN), less what the launcher adds."""
WRITES_ELSEWHERE = ("AtomicPusher", "RunReport")
"""Leave something beside their artifacts, so that an answer from the cache would not do."""


class Compiled:
    """Both documents of a compiled pipeline."""

    def __init__(self, spec: dict[str, Any], platform: dict[str, Any] | None) -> None:
        """As protobuf's JSON has them."""
        self.spec = spec
        self.platform = platform

    def write(self, file: Path) -> None:
        """As YAML; makes the folder."""
        documents = [self.spec] if self.platform is None else [self.spec, self.platform]
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as stream:
            yaml.dump_all(documents, stream, Dumper=_Dumper, sort_keys=True, width=120, allow_unicode=True)


class _Dumper(yaml.CSafeDumper):
    """Without anchors, which make a file hard to review."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks for each value
        return True


def compile_pipeline(settings: Settings, file: Path, enable_cache: bool = True) -> Path:
    """Writes the compiled pipeline. Raises SettingsError for settings that a cluster cannot use."""
    compiled(settings, enable_cache).write(file)
    return file


def compiled(settings: Settings, enable_cache: bool = True) -> Compiled:
    """The compiled pipeline. Raises SettingsError."""
    places = cluster_places(settings)  # refuses before anything heavy is imported
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

    from pipeline.create import create_pipeline

    force_bless = RuntimeParameter(FORCE_BLESS, str, default="")
    pipeline = create_pipeline(settings, places, enable_cache, force_bless)
    config = KubeflowV2DagRunnerConfig(
        default_image=settings.kubeflow.image, default_commands=list(COMMAND), use_pipeline_spec_2_1=True
    )
    spec: dict[str, Any] = KubeflowV2DagRunner(config).run(pipeline, write_out=False)["pipelineSpec"]
    _complete(spec, pipeline, settings, places)
    _require_short_arguments(spec)
    found = lint_spec(spec, settings.pipeline_name)
    if found:  # settings never lead here: an edit of the graph did
        raise AdclickError("\n".join(f"{one.place}: {one.message}; {one.mend}" for one in found))
    return Compiled(spec, platform_spec(settings.kubeflow, spec["deploymentSpec"]["executors"]))


def _complete(spec: dict[str, Any], pipeline: Pipeline, settings: Settings, places: Locations) -> None:
    from components.drivers import ObservingDriver

    for node in pipeline.components:
        container = spec["deploymentSpec"]["executors"][f"{node.id}_executor"]["container"]
        arguments = ["--node_id", node.id, "--state_root", places.pipeline_root, "--model_folder", places.model_folder]
        looks_around = issubclass(node.driver_class, ObservingDriver)
        if looks_around:
            driver = node.driver_class
            arguments += ["--driver_class_path", f"{driver.__module__}.{driver.__qualname__}"]
        container["args"] = [*arguments, *container["args"]]
        resources = resource_spec(settings.kubeflow.resources_of(node.id))
        if resources:
            container["resources"] = resources
        environment = settings.kubeflow.environment_of(node.id)
        if environment:
            container["env"] = [{"name": name, "value": value} for name, value in sorted(environment.items())]
        if looks_around or node.id in WRITES_ELSEWHERE:
            spec["root"]["dag"]["tasks"][node.id].pop("cachingOptions", None)
    for parameter in spec["root"].get("inputDefinitions", {}).get("parameters", {}).values():
        parameter.update(defaultValue="", isOptional=True)  # TFX's compiler leaves it out


def _require_short_arguments(spec: dict[str, Any]) -> None:
    for name, task in spec["root"]["dag"]["tasks"].items():
        given = [
            one.get("runtimeValue", {}).get("constant", "") for one in task["inputs"].get("parameters", {}).values()
        ]
        size = sum(len(str(value).encode()) for value in given)
        if size > MAX_ARGUMENT_BYTES:
            raise SettingsError(
                f"{name}: its parameters have {size:,} bytes, and a container's argument holds {MAX_ARGUMENT_BYTES:,}: "
                "shorten the feature table or the curated schema"
            )
