"""CreativeTuner: the standard Tuner with one more input, the creative store."""

from __future__ import annotations

from pathlib import Path

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from components.artifacts import CreativeStore
from components.trainer.component import training_config
from components.tuner.executor import CreativeTunerExecutor
from configs.settings import Settings

TUNER_FN = "trainer.tuner.tuner_fn"


class CreativeTunerSpec(ComponentSpec):
    """TunerSpec's names, so that TFX's executor finds what it knows, and the creative store beside."""

    PARAMETERS = {
        "train_args": ExecutionParameter(type=trainer_pb2.TrainArgs),
        "eval_args": ExecutionParameter(type=trainer_pb2.EvalArgs),
        "tuner_fn": ExecutionParameter(type=str),
        "custom_config": ExecutionParameter(type=str),
        "folder": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
    }
    OUTPUTS = {
        "best_hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters),
        "tuner_results": ChannelParameter(type=standard_artifacts.TunerResults),
    }


class CreativeTuner(base_component.BaseComponent):
    """Searches for better values of model and trainer settings.

    Gap in TFX: as Trainer, Tuner takes no input beside Examples; and it leaves nothing of a trial that failed.
    """

    SPEC_CLASS = CreativeTunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CreativeTunerExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        transform_graph: BaseChannel,
        schema: BaseChannel,
        creative_store: BaseChannel | None,
        settings: Settings,
        folder: Path,
        code: str,
    ) -> None:
        """`folder`: local, where a search that was interrupted is kept. `code` fingerprints the sources of trials."""
        # How the values are used later makes no other search.
        tuner = settings.tuner.model_dump_json(exclude={"enabled", "reuse", "best"})
        config = {**training_config(settings, code), "tuner": tuner}
        spec = CreativeTunerSpec(
            examples=examples,
            transform_graph=transform_graph,
            schema=schema,
            creative_store=creative_store,
            train_args=trainer_pb2.TrainArgs(splits=["train"]),
            eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
            tuner_fn=TUNER_FN,
            custom_config=json_utils.dumps(config),
            folder=str(folder),
            best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
            tuner_results=Channel(type=standard_artifacts.TunerResults),
        )
        super().__init__(spec=spec)
