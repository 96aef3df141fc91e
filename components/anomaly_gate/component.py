"""AnomalyGate: stops the run when the data must not be trained on."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.anomaly_gate.driver import AnomalyGateDriver
from components.anomaly_gate.executor import AnomalyGateExecutor
from components.artifacts import CreativeStore, GateVerdict, IngestReport, SpanStatistics
from configs.settings import Settings


class AnomalyGateSpec(ComponentSpec):
    """What AnomalyGate takes and gives."""

    PARAMETERS = {
        "row_limits": ExecutionParameter(type=str),
        "creative_limits": ExecutionParameter(type=str),
        "anomaly_limits": ExecutionParameter(type=str),
        "features": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "span_statistics": ChannelParameter(type=SpanStatistics, optional=True),
        "ingest_report": ChannelParameter(type=IngestReport),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
    }
    OUTPUTS = {"verdict": ChannelParameter(type=GateVerdict)}


class AnomalyGate(base_component.BaseComponent):
    """Raises on schema anomalies, drift, training/serving skew, rejected rows and unusable creatives over their limits.

    Gap in TFX: ExampleValidator records anomalies and nothing downstream stops; drift and skew need a reference that
    no component brings, and pass where it is empty.
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AnomalyGateExecutor)
    DRIVER_CLASS = AnomalyGateDriver

    def __init__(
        self,
        anomalies: BaseChannel,
        statistics: BaseChannel,
        span_statistics: BaseChannel | None,
        ingest_report: BaseChannel,
        creative_store: BaseChannel | None,
        settings: Settings,
        code: str,
    ) -> None:
        """`code` fingerprints the sources that the executor depends on."""
        spec = AnomalyGateSpec(
            anomalies=anomalies,
            statistics=statistics,
            span_statistics=span_statistics,
            ingest_report=ingest_report,
            creative_store=creative_store,
            row_limits=settings.data.limits.model_dump_json(),
            creative_limits=settings.creatives.model_dump_json(include={"max_unusable_share"}),
            anomaly_limits=settings.anomalies.model_dump_json(),
            features=settings.features.model_dump_json(),
            code=code,
            verdict=Channel(type=GateVerdict),
        )
        super().__init__(spec=spec)
