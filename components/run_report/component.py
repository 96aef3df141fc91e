"""RunReport: the run in figures, for people and for tools."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import CreativeStore, GateVerdict, IngestReport, RunSummary, SpanStatistics
from components.run_report.executor import RunReportExecutor
from configs.evaluation import Evaluation
from configs.features import FeatureTable


class RunReportSpec(ComponentSpec):
    """What RunReport takes and gives."""

    PARAMETERS = {
        "evaluation": ExecutionParameter(type=str),
        "features": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "ingest_report": ChannelParameter(type=IngestReport),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
        "span_statistics": ChannelParameter(type=SpanStatistics),
        "verdict": ChannelParameter(type=GateVerdict),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "baseline": ChannelParameter(type=standard_artifacts.Model),
        "evaluation_result": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS = {"summary": ChannelParameter(type=RunSummary)}


class RunReport(base_component.BaseComponent):
    """Writes summary.json and the report's thumbnails from the other components' artifacts.

    Gap in TFX: no line says where results are, what the AUC was or which bound failed.
    """

    SPEC_CLASS = RunReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RunReportExecutor)

    def __init__(
        self,
        examples: BaseChannel,
        ingest_report: BaseChannel,
        creative_store: BaseChannel | None,
        span_statistics: BaseChannel,
        verdict: BaseChannel,
        model: BaseChannel,
        model_run: BaseChannel,
        baseline: BaseChannel,
        evaluation_result: BaseChannel,
        blessing: BaseChannel,
        infra_blessing: BaseChannel | None,
        pushed_model: BaseChannel,
        evaluation: Evaluation,
        features: FeatureTable,
        code: str,
    ) -> None:
        """`infra_blessing`: the serving canary's, if there is one. `code` fingerprints the executor's sources."""
        spec = RunReportSpec(
            examples=examples,
            ingest_report=ingest_report,
            creative_store=creative_store,
            span_statistics=span_statistics,
            verdict=verdict,
            model=model,
            model_run=model_run,
            baseline=baseline,
            evaluation_result=evaluation_result,
            blessing=blessing,
            infra_blessing=infra_blessing,
            pushed_model=pushed_model,
            evaluation=evaluation.model_dump_json(),
            features=features.model_dump_json(),
            code=code,
            summary=Channel(type=RunSummary),
        )
        super().__init__(spec=spec)
