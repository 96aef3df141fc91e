"""AtomicPusher: a blessed model becomes a new version of the folder that TF Serving watches."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.pusher.executor import AtomicPusherExecutor


class AtomicPusherSpec(ComponentSpec):
    """What AtomicPusher takes and gives; input names are TFX's where its executor reads them."""

    PARAMETERS = {
        "model_folder": ExecutionParameter(type=str),
        "keep_versions": ExecutionParameter(type=int),
        "push_withdrawn": ExecutionParameter(type=int),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class AtomicPusher(base_component.BaseComponent):
    """Copies beside and renames into place, with a version greater than every other and a record of the push.

    Gap in TFX: Pusher copies in place, names versions by the second, and reports success where that second is taken.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AtomicPusherExecutor)

    def __init__(
        self,
        model: BaseChannel,
        model_blessing: BaseChannel,
        infra_blessing: BaseChannel | None,
        baseline: BaseChannel,
        evaluation: BaseChannel,
        model_folder: str,
        keep_versions: int,
        push_withdrawn: bool,
        code: str,
    ) -> None:
        """`infra_blessing`: the serving canary's, with warm-up requests; none where it is switched off.

        `baseline`: the model in service that the candidate was compared with. `push_withdrawn`: also a model that an
        operator took out of service. `code` fingerprints the executor's sources.
        """
        spec = AtomicPusherSpec(
            model=model,
            model_blessing=model_blessing,
            infra_blessing=infra_blessing,
            baseline=baseline,
            evaluation=evaluation,
            model_folder=model_folder,
            keep_versions=keep_versions,
            push_withdrawn=int(push_withdrawn),
            code=code,
            pushed_model=Channel(type=standard_artifacts.PushedModel),
        )
        super().__init__(spec=spec)
