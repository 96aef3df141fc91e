"""SchemaFromText: ImportSchemaGen's artifact, from a schema that the graph itself carries."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.schema_import.executor import SchemaFromTextExecutor


class SchemaFromTextSpec(ComponentSpec):
    """What SchemaFromText takes and gives."""

    PARAMETERS = {"schema_text": ExecutionParameter(type=str)}
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class SchemaFromText(base_component.BaseComponent):
    """Writes a schema that was given as text.

    Gap in TFX: ImportSchemaGen takes a file's path, which a container elsewhere does not have.
    """

    SPEC_CLASS = SchemaFromTextSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(SchemaFromTextExecutor)

    def __init__(self, schema_text: str) -> None:
        """`schema_text`: a Schema proto in text format."""
        super().__init__(
            spec=SchemaFromTextSpec(schema_text=schema_text, schema=Channel(type=standard_artifacts.Schema))
        )
