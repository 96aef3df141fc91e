"""Unpacks CreativeGen's artifacts."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from components.creative_gen.normalising import normalise_creatives
from components.creative_gen.store import read_references, write_store
from configs.settings import Creatives


class CreativeGenExecutor(BaseExecutor):
    """Work of CreativeGen."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Stores what is usable and lists the rest; limits are the gate's business."""
        creatives = read_references(artifact_utils.get_single_uri(input_dict["ingest_report"]))
        limits = Creatives.model_validate_json(exec_properties["creatives"])
        done = normalise_creatives(creatives, exec_properties["image_root"], limits)
        uri = artifact_utils.get_single_uri(output_dict["creative_store"])
        write_store(uri, done.stored, done.pixels, done.unusable, distinct=len(creatives))
