"""Parquet files: a block is a row group, and a row's number in the file stands where CSV has a line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adclick.errors import DataError
from adclick.filesystem import open_binary
from components.example_gen.cells import Cells, one_chunk
from components.example_gen.spans import SpanFile
from configs.features import FeatureTable, Timestamp

PIECE_ROWS = 128 << 10


class ParquetBlock(NamedTuple):
    """One row group of one file."""

    file: SpanFile
    header: tuple[str, ...]
    row_group: int
    first_line: int
    """Number, from 1, of the group's first row within the file."""


def plan_parquet(file: SpanFile, table: FeatureTable) -> list[ParquetBlock]:
    """Row groups in file order. Raises DataError for a file that is no Parquet, has no rows or types of no use."""
    with _open(file) as parquet:
        header = tuple(parquet.schema_arrow.names)
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise DataError(f"{file.uri}: column {repeated[0]!r} stands twice in the file; rename one of them")
        for field in parquet.schema_arrow:
            if field.name in {feature.name for feature in table.written}:
                _check_type(file, field, table)
        blocks, row = [], 1
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            if rows:
                blocks.append(ParquetBlock(file, header, group, row))
            row += rows
    if not blocks:
        raise DataError(f"{file.uri}: has no rows; deliver the file again or take it out of the folder")
    return blocks


def read_parquet_cells(block: ParquetBlock, names: Sequence[str], piece_rows: int = PIECE_ROWS) -> Iterator[Cells]:
    """Cells of the columns `names`, at most `piece_rows` rows at a time."""
    row = block.first_line
    with _open(block.file) as parquet:
        batches = parquet.iter_batches(piece_rows, row_groups=[block.row_group], columns=list(names), use_threads=False)
        for batch in batches:
            columns = {name: _plain(batch.column(batch.schema.get_field_index(name))) for name in names}
            yield Cells(columns, np.arange(row, row + batch.num_rows), [])
            row += batch.num_rows


def _plain(column: pa.Array) -> pa.Array:
    """Texts as binary, so that they are checked as those of CSV are; an empty text is an empty cell."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.binary())
    if not (_is_text(kind)):
        return column
    column = one_chunk(pa.chunked_array([column.cast(pa.binary())]), pa.binary())
    return pc.if_else(pc.equal(pc.binary_length(column), 0), pa.scalar(None, pa.binary()), column)


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _check_type(file: SpanFile, field: pa.Field, table: FeatureTable) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    fits = _is_text(kind) or pa.types.is_null(kind) or any(test(kind) for test in number)
    if isinstance(table[field.name], Timestamp):
        fits = fits or pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if not fits:
        raise DataError(
            f"{file.uri}: column {field.name!r} has type {field.type}, which a feature of kind "
            f"{table[field.name].kind!r} cannot be read from; write it as text or as a number"
        )


@contextlib.contextmanager
def _open(file: SpanFile) -> Iterator[pq.ParquetFile]:
    with open_binary(file.uri) as stream:
        try:
            yield pq.ParquetFile(stream)
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{file.uri}: is no whole Parquet file ({error}); deliver the file again") from None
