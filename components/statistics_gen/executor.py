"""Unpacks ColumnStatisticsGen's artifacts."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from adclick.filesystem import join, open_binary
from components.statistics_gen.column_statistics import column_statistics

STATISTICS_FILE = "FeatureStats.pb"


class ColumnStatisticsGenExecutor(BaseExecutor):
    """Work of ColumnStatisticsGen."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes FeatureStats.pb of each split where TFX's readers look for it, and of each span below `span-<n>`."""
        columns_uri = artifact_utils.get_single_uri(input_dict["columns"])
        found = column_statistics(columns_uri, exec_properties["impressions"] or None)
        statistics = artifact_utils.get_single_instance(output_dict["statistics"])
        statistics.split_names = artifact_utils.encode_split_names(list(found.splits))
        for split, message in found.splits.items():
            _write(artifact_utils.get_split_uri([statistics], split), message)
        spans_uri = artifact_utils.get_single_uri(output_dict["span_statistics"])
        for span, message in found.spans.items():
            _write(join(spans_uri, f"span-{span}"), message)


def _write(folder_uri: str, message: Any) -> None:
    fileio.makedirs(folder_uri)
    with open_binary(join(folder_uri, STATISTICS_FILE), mode="wb") as stream:
        stream.write(message.SerializeToString())
