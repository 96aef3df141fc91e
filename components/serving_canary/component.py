"""ServingCanary: a blessed model is served and asked, before anyone depends on it."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import CreativeStore
from components.serving_canary.executor import ServingCanaryExecutor
from configs.settings import Settings


class ServingCanarySpec(ComponentSpec):
    """What ServingCanary takes and gives."""

    PARAMETERS = {
        "canary": ExecutionParameter(type=str),
        "features": ExecutionParameter(type=str),
        "image_root": ExecutionParameter(type=str),
        "model_name": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {"infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServingCanary(base_component.BaseComponent):
    """Serves the candidate with our own model server, compares its answers with offline ones, measures latency.

    Gap in TFX: InfraValidator needs Docker or Kubernetes, and is content with any answer.
    """

    SPEC_CLASS = ServingCanarySpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ServingCanaryExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        creative_store: BaseChannel | None,
        model: BaseChannel,
        evaluation: BaseChannel,
        blessing: BaseChannel,
        settings: Settings,
        code: str,
    ) -> None:
        """`code` fingerprints the executor's sources and the model server's."""
        spec = ServingCanarySpec(
            examples=examples,
            creative_store=creative_store,
            model=model,
            evaluation=evaluation,
            blessing=blessing,
            canary=settings.canary.model_dump_json(exclude={"enabled"}),
            features=settings.features.model_dump_json(),
            image_root=settings.image_root if settings.features.image else "",
            model_name=settings.push.model_name,
            code=code,
            infra_blessing=Channel(type=standard_artifacts.InfraBlessing),
        )
        super().__init__(spec=spec)
