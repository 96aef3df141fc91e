"""ServedModel: the model that is actually in service, as the baseline of the evaluation."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.served_model.driver import ServedModelDriver
from components.served_model.executor import ServedModelExecutor


class ServedModelSpec(ComponentSpec):
    """What ServedModel takes and gives."""

    PARAMETERS = {
        "model_folder": ExecutionParameter(type=str),
        "model_name": ExecutionParameter(type=str),
        "asked": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {"model": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"baseline": ChannelParameter(type=standard_artifacts.Model)}


class ServedModel(base_component.BaseComponent):
    """Reads the served folder, or asks its server, so that a rolled-back or hand-placed model is the baseline too.

    Gap in TFX: its Resolver gives the latest blessed artifact, which need not be in service, and does not run on
    Kubeflow.
    """

    SPEC_CLASS = ServedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ServedModelExecutor)
    DRIVER_CLASS = ServedModelDriver

    def __init__(self, model: BaseChannel, model_folder: str, model_name: str, baseline: str, code: str) -> None:
        """`model` is the candidate. `baseline`: as in the settings (configs/evaluation.py).

        `code` fingerprints the executor's sources.
        """
        spec = ServedModelSpec(
            model=model,
            model_folder=model_folder,
            model_name=model_name,
            asked=baseline,
            code=code,
            baseline=Channel(type=standard_artifacts.Model),
        )
        super().__init__(spec=spec)
