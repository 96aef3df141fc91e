"""Values of the evaluation and training rows, in the order of their Examples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adclick.errors import AdclickError
from components.evaluator.sliced_rows import FloatArray
from components.example_gen.columns import read_columns, spans_of

KNOWN = "known:"
"""`known:user_id` is "known" where a row's value occurs in the training rows, else "new"."""
SPAN = "span"
"""The span that a row came with, where the data have no column of that name."""


class ColumnError(AdclickError):
    """A column of the data cannot be used as it is wanted."""


def slice_values(columns_uri: str, name: str) -> pa.ChunkedArray:
    """Of a column of the data, or a derived one, for the evaluation rows: [rows], null where missing.

    ColumnError: a row has several values.
    """
    if name == SPAN and not _has_column(columns_uri, SPAN):
        spans = [pa.array(np.full(batch.num_rows, span, np.int64)) for span, batch in _by_span(columns_uri)]
        return pa.chunked_array(spans, pa.int64())
    if not name.startswith(KNOWN):
        return column_values(columns_uri, name, "eval")
    source = name.removeprefix(KNOWN)
    own = column_values(columns_uri, source, "eval")
    trained = pc.unique(column_values(columns_uri, source, "train").drop_null())
    words = pc.if_else(pc.is_in(own, value_set=trained), "known", "new")
    return pc.if_else(pc.is_valid(own), words, pa.scalar(None, pa.string()))


def number_values(columns_uri: str, name: str, default: float) -> FloatArray:
    """Of a number column for the evaluation rows, [rows]."""
    values = pc.fill_null(column_values(columns_uri, name, "eval").cast(pa.float64()), default)
    return np.asarray(values.to_numpy(), np.float64)


def column_values(columns_uri: str, name: str, split: str) -> pa.ChunkedArray:
    """Of one column, [rows], null where missing. ColumnError: a row has several values."""
    chunks = []
    kind: pa.DataType = pa.binary()
    for batch in read_columns(columns_uri, split):
        lists = batch.column(batch.schema.get_field_index(name))
        kind = lists.type.value_type
        lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0))
        if lengths.max(initial=0) > 1:
            raise ColumnError(f"evaluation.slices names {name!r}, which has several values in a row: slice by another")
        position = pa.array(np.cumsum(lengths) - lengths, mask=lengths == 0)
        chunks.append(lists.flatten().take(position))
    return pa.chunked_array(chunks, kind)


def row_count(columns_uri: str) -> int:
    """Number of evaluation rows."""
    return sum(batch.num_rows for batch in read_columns(columns_uri, "eval"))


def _has_column(columns_uri: str, name: str) -> bool:
    first = next(iter(read_columns(columns_uri, "eval")), None)
    return first is not None and name in first.schema.names


def _by_span(columns_uri: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(span, batch) of the evaluation rows. Blocks are numbered through the spans in order, so files follow it too."""
    for span in spans_of(columns_uri):
        for batch in read_columns(columns_uri, "eval", span):
            yield span, batch
