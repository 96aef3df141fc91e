"""A component that stands for all that come before the tuner: it publishes a prepared folder's artifacts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import CreativeStore

OUTPUTS = {
    "transformed_examples": standard_artifacts.Examples,
    "transform_graph": standard_artifacts.TransformGraph,
    "schema": standard_artifacts.Schema,
    "creative_store": CreativeStore,
}


class PreparedExecutor(BaseExecutor):
    """Copies `folder`/<output key> to each output."""

    def Do(  # noqa: N802 - the name is TFX's
        self, input_dict: dict[str, Any], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        for key in OUTPUTS:
            artifact = artifact_utils.get_single_instance(output_dict[key])
            shutil.copytree(Path(exec_properties["folder"]) / key, artifact.uri, dirs_exist_ok=True)
            if key == "transformed_examples":
                artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])


class PreparedSpec(ComponentSpec):
    PARAMETERS: ClassVar = {"folder": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar = {key: ChannelParameter(type=kind) for key, kind in OUTPUTS.items()}


class Prepared(base_component.BaseComponent):
    SPEC_CLASS = PreparedSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PreparedExecutor)

    def __init__(self, folder: Path) -> None:
        super().__init__(
            spec=PreparedSpec(folder=str(folder), **{key: Channel(type=kind) for key, kind in OUTPUTS.items()})
        )
