"""ColumnStatisticsGen: StatisticsGen's artifact, from Arrow columns instead of Examples."""

from __future__ import annotations

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import Columns, SpanStatistics
from components.statistics_gen.executor import ColumnStatisticsGenExecutor


class ColumnStatisticsGenSpec(ComponentSpec):
    """What ColumnStatisticsGen takes and gives."""

    PARAMETERS = {"impressions": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS = {"columns": ChannelParameter(type=Columns)}
    OUTPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "span_statistics": ChannelParameter(type=SpanStatistics),
    }


class ColumnStatisticsGen(base_component.BaseComponent):
    """Computes TFDV's statistics of each split, and of the newest two spans.

    Gap in TFX: StatisticsGen decodes every Example again and passes rows through Beam, for twenty times the CPU, and
    knows no spans within an artifact.
    """

    SPEC_CLASS = ColumnStatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ColumnStatisticsGenExecutor)

    def __init__(self, columns: BaseChannel, impressions: str | None, code: str) -> None:
        """`impressions`: column that says how many a row stands for; None: a row is one.

        `code` fingerprints the sources that the executor depends on.
        """
        spec = ColumnStatisticsGenSpec(
            columns=columns,
            impressions=impressions or "",
            code=code,
            statistics=Channel(type=standard_artifacts.ExampleStatistics),
            span_statistics=Channel(type=SpanStatistics),
        )
        super().__init__(spec=spec)
