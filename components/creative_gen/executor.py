"""Unpacks CreativeGen's artifacts."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from components.creative_gen.normalising import normalise_creatives
from components.creative_gen.previous_store import find_previous, making, point_to
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
        root, pointer = exec_properties["image_root"], exec_properties["store_pointer"]
        made = making(root, exec_properties["creatives"], exec_properties["code"])
        store = artifact_utils.get_single_instance(output_dict["creative_store"])
        outcomes = normalise_creatives(creatives, root, limits, find_previous(pointer, made))
        written = write_store(store.uri, outcomes, limits.image_px)
        for name, count in (("read", written.read), ("reused", written.reused)):
            store.set_int_custom_property(name, count)
        point_to(pointer, store.uri, written.sources, root, made)
        print(  # noqa: T201 - the component's log tells what the next run may expect
            f"creatives: {len(creatives)} distinct, {written.read} read, {written.reused} reused", flush=True
        )
