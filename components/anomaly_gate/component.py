"""AnomalyGate: stops the run when the data must not be trained on."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.anomaly_gate.executor import AnomalyGateExecutor
from components.artifacts import CreativeStore, GateVerdict, IngestReport
from configs.settings import AnomalyLimits, Creatives, RowLimits


class AnomalyGateSpec(ComponentSpec):
    """What AnomalyGate takes and gives."""

    PARAMETERS = {
        "row_limits": ExecutionParameter(type=str),
        "creative_limits": ExecutionParameter(type=str),
        "anomaly_limits": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "ingest_report": ChannelParameter(type=IngestReport),
        "creative_store": ChannelParameter(type=CreativeStore, optional=True),
    }
    OUTPUTS = {"verdict": ChannelParameter(type=GateVerdict)}


class AnomalyGate(base_component.BaseComponent):
    """Raises on schema anomalies of severity ERROR and on limits of rejected rows and unusable creatives.

    Gap in TFX: ExampleValidator records anomalies and nothing downstream stops.
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(AnomalyGateExecutor)

    def __init__(
        self,
        anomalies: BaseChannel,
        ingest_report: BaseChannel,
        creative_store: BaseChannel | None,
        row_limits: RowLimits,
        creative_limits: Creatives,
        anomaly_limits: AnomalyLimits,
        code: str,
    ) -> None:
        """`code` fingerprints the sources that the executor depends on."""
        spec = AnomalyGateSpec(
            anomalies=anomalies,
            ingest_report=ingest_report,
            creative_store=creative_store,
            row_limits=row_limits.model_dump_json(),
            creative_limits=creative_limits.model_dump_json(include={"max_unusable_share"}),
            anomaly_limits=anomaly_limits.model_dump_json(),
            code=code,
            verdict=Channel(type=GateVerdict),
        )
        super().__init__(spec=spec)
