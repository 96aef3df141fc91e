"""TFDV's statistics from Arrow columns: its own generators, fed batch by batch in this process.

The numbers are those of tfdv.GenerateStatistics, which feeds the same generators through Beam. Approximate figures
(quantiles, and the ranks and uniques of columns with many values) come of the same sketches and differ within their
error, as they do between two runs on Beam.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_data_validation.statistics.stats_options import StatsOptions

from components.example_gen.columns import read_columns, spans_of, splits_of

NEWEST_SPANS = 2  # what drift is measured between


class ColumnStatistics(NamedTuple):
    """DatasetFeatureStatisticsList of one dataset each."""

    splits: dict[str, Any]
    spans: dict[int, Any]
    """All splits together, for the newest spans."""


class _Accumulator:
    """The partial results of TFDV's generators."""

    def __init__(self, weight: str | None) -> None:
        self._weight = weight
        self._generators = stats_impl.get_generators(StatsOptions(weight_feature=weight), in_memory=True)
        self._parts = [generator.create_accumulator() for generator in self._generators]

    def add(self, batch: pa.RecordBatch) -> None:
        pairs = zip(self._generators, self._parts, strict=True)
        self._parts = [generator.add_input(part, batch) for generator, part in pairs]

    def copy(self) -> _Accumulator:
        """Merging and finishing change what lies within, so both want a copy."""
        other = _Accumulator(self._weight)
        other._parts = pickle.loads(pickle.dumps(self._parts))
        return other

    def merge(self, other: _Accumulator) -> None:
        triples = zip(self._generators, self._parts, other._parts, strict=True)
        self._parts = [generator.merge_accumulators([mine, theirs]) for generator, mine, theirs in triples]

    def result(self) -> Any:
        return stats_impl.extract_statistics_output(self._parts, self._generators)


def column_statistics(columns_uri: str, weight: str | None = None) -> ColumnStatistics:
    """One pass over all rows. `weight`: column that says how many impressions each row stands for.

    The statistics are of rows; with a weight, those of impressions stand beside them, in TFDV's weighted fields.
    """
    spans, splits = spans_of(columns_uri), splits_of(columns_uri)
    cells = {
        (split, span): _accumulate(read_columns(columns_uri, split, span), weight) for split in splits for span in spans
    }
    return ColumnStatistics(
        splits={split: _merged(cells[split, span] for span in spans) for split in splits},
        spans={span: _merged(cells[split, span] for split in splits) for span in spans[-NEWEST_SPANS:]},
    )


def _accumulate(batches: Iterable[pa.RecordBatch], weight: str | None) -> _Accumulator:
    accumulator = _Accumulator(weight)
    for batch in batches:
        accumulator.add(_without_empty_columns(batch))
    return accumulator


def _without_empty_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """As decoded Examples have it: a feature that no row has is not there, and validation then calls it missing."""
    kept = [index for index, column in enumerate(batch.columns) if column.null_count < batch.num_rows]
    return pa.RecordBatch.from_arrays(
        [batch.column(index) for index in kept], [batch.schema.names[index] for index in kept]
    )


def _merged(parts: Iterable[_Accumulator]) -> Any:
    total, *others = (part.copy() for part in parts)
    for other in others:
        total.merge(other)
    return total.result()
