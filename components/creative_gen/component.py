"""CreativeGen: each distinct image once, checked and normalised, instead of once per impression."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from adclick.filesystem import join
from components.artifacts import CreativeStore, IngestReport
from components.creative_gen.driver import CreativeGenDriver
from components.creative_gen.executor import CreativeGenExecutor
from components.creative_gen.previous_store import POINTER
from configs.settings import Creatives


class CreativeGenSpec(ComponentSpec):
    """What CreativeGen takes and gives."""

    PARAMETERS = {
        "image_root": ExecutionParameter(type=str),
        "creatives": ExecutionParameter(type=str),
        "store_pointer": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"ingest_report": ChannelParameter(type=IngestReport)}
    OUTPUTS = {"creative_store": ChannelParameter(type=CreativeStore)}


class CreativeGen(base_component.BaseComponent):
    """Normalises the creatives that impressions refer to with the graph that serving uses, and lists unusable ones.

    Gap in TFX: images travel inside Examples, once per impression, and a truncated one kills Transform without naming
    its file.
    """

    SPEC_CLASS = CreativeGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CreativeGenExecutor)
    DRIVER_CLASS = CreativeGenDriver

    def __init__(
        self, ingest_report: BaseChannel, image_root: str, creatives: Creatives, pipeline_root: str, code: str
    ) -> None:
        """Below `pipeline_root` the newest store is found again. `code` fingerprints the executor's sources."""
        spec = CreativeGenSpec(
            ingest_report=ingest_report,
            image_root=image_root,
            creatives=creatives.model_dump_json(exclude={"root", "max_unusable_share"}),
            store_pointer=join(pipeline_root, POINTER),
            code=code,
            creative_store=Channel(type=CreativeStore),
        )
        super().__init__(spec=spec)
