"""ServedBaselineEvaluator: the standard Evaluator against the model in service, if there is one."""

from __future__ import annotations

from google.protobuf import json_format
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import json_utils

from components.artifacts import Columns
from components.evaluator.executor import ServedBaselineExecutor
from configs.evaluation import Evaluation

GATE_SETTINGS = {"bounds", "slice_bounds", "confidence", "when_unclear"}


class ServedBaselineEvaluatorSpec(ComponentSpec):
    """EvaluatorSpec's names, so that TFX's executor finds what it knows."""

    PARAMETERS = {
        "eval_config": ExecutionParameter(type=str),
        "example_splits": ExecutionParameter(type=str),
        "features": ExecutionParameter(type=str),
        "gate": ExecutionParameter(type=str),
        "force_bless": ExecutionParameter(type=str),
        "engine": ExecutionParameter(type=str),
        "negative_sampling_rate": ExecutionParameter(type=float),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "columns": ChannelParameter(type=Columns),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ServedBaselineEvaluator(base_component.BaseComponent):
    """Evaluates with arrays on one machine, or with TFMA on Beam; the results are TFMA's either way. Our gate decides.

    Gaps in TFX: Evaluator's baseline is present or absent by wiring, so a first run would need another graph than the
    second; its combiners run Python for each row and slice (TFMA issue 108), a hundred times slower than arrays; and it
    holds a change against its limit whatever the noise of the rows, so that luck blocks and blesses.
    """

    SPEC_CLASS = ServedBaselineEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ServedBaselineExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel,
        schema: BaseChannel,
        columns: BaseChannel,
        eval_config: object,
        features: str,
        settings: Evaluation,
        negative_sampling_rate: float,
        force_bless: str | RuntimeParameter,
        code: str,
    ) -> None:
        """`eval_config`: tfma.EvalConfig. `features`: the feature table as JSON.

        `settings`: the engine, and what the gate decides by. `negative_sampling_rate`: share of the impressions without
        a click that the Examples hold; evaluation weighs them back. `force_bless`: why a refused model is blessed all
        the same; empty: it is not. `code` fingerprints the executor's sources.
        """
        spec = ServedBaselineEvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            schema=schema,
            columns=columns,
            eval_config=json_format.MessageToJson(eval_config, sort_keys=True, preserving_proto_field_name=True),
            example_splits=json_utils.dumps(["eval"]),
            features=features,
            gate=settings.model_dump_json(include=GATE_SETTINGS),
            force_bless=force_bless,
            engine=settings.engine,
            negative_sampling_rate=negative_sampling_rate,
            code=code,
            evaluation=Channel(type=standard_artifacts.ModelEvaluation),
            blessing=Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
