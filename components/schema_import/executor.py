"""Unpacks SchemaFromText's artifact."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from adclick.filesystem import join, open_binary

SCHEMA_FILE = "schema.pbtxt"
"""As tfx/components/schema_gen/executor.py names it."""


class SchemaFromTextExecutor(BaseExecutor):
    """Work of SchemaFromText."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """The compiler has parsed the text before."""
        folder = artifact_utils.get_single_uri(output_dict["schema"])
        with open_binary(join(folder, SCHEMA_FILE), mode="wb") as stream:
            stream.write(exec_properties["schema_text"].encode())
