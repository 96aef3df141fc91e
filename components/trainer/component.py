"""CreativeTrainer: the standard Trainer with one more input, the creative store."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from components.artifacts import CreativeStore
from components.trainer.executor import CreativeTrainerExecutor
from configs.settings import Settings

RUN_FN = "trainer.run.run_fn"


class CreativeTrainerSpec(ComponentSpec):
    """TrainerSpec's names, so that TFX's executor finds what it knows, and the creative store beside."""

    PARAMETERS = {
        "train_args": ExecutionParameter(type=trainer_pb2.TrainArgs),
        "eval_args": ExecutionParameter(type=trainer_pb2.EvalArgs),
        "run_fn": ExecutionParameter(type=str),
        "custom_config": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
        "hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
    }


class CreativeTrainer(base_component.BaseComponent):
    """Trains and exports the click model.

    Gap in TFX: Trainer takes no input beside Examples, so images would have to travel in every Example.
    """

    SPEC_CLASS = CreativeTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CreativeTrainerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        schema: BaseChannel,
        creative_store: BaseChannel | None,
        settings: Settings,
        code: str,
        hyperparameters: BaseChannel | None = None,
    ) -> None:
        """`code` fingerprints the sources that training depends on. `hyperparameters`: of a tuner in the same run."""
        spec = CreativeTrainerSpec(
            examples=examples,
            transform_graph=transform_graph,
            schema=schema,
            creative_store=creative_store,
            hyperparameters=hyperparameters,
            train_args=trainer_pb2.TrainArgs(splits=["train"]),
            eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
            run_fn=RUN_FN,
            custom_config=json_utils.dumps(training_config(settings, code)),
            model=Channel(type=standard_artifacts.Model),
            model_run=Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)


def training_config(settings: Settings, code: str) -> dict[str, Any]:
    """`custom_config` of whoever trains: the settings that make the model. `code` fingerprints its sources."""
    return {
        "features": settings.features.model_dump_json(),
        "model": settings.model.model_dump_json(),
        "trainer": settings.trainer.model_dump_json(),
        "image_px": settings.creatives.image_px,
        "negative_sampling_rate": settings.data.negative_sampling_rate,
        "code": code,
    }
