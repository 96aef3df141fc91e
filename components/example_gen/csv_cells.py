"""Cells of a piece of CSV, read by Arrow once the rows that have no cells are out of its way."""

from __future__ import annotations

import gc
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as pa_csv

from components.example_gen.cells import Cells, one_chunk
from components.example_gen.csv_blocks import BYTE_ORDER_MARK, Piece
from components.example_gen.csv_records import QUOTE, Records, find_records, quoted_by_parity
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import Reject, shown


def read_csv_cells(piece: Piece, header: Sequence[str], names: Sequence[str], delimiter: str) -> Cells:
    """Cells of the columns `names`."""
    records = find_records(piece.data, ord(delimiter), final=True)
    lines = piece.first_line + records.line
    sound = ~records.bad_quotes
    try:
        columns = _read_arrow(_without(piece.data, records, ~sound), header, names, delimiter)
        if len(columns[names[0]]) != int(sound.sum()):
            raise RuntimeError(f"line {piece.first_line}: {int(sound.sum())} rows found, {len(columns[names[0]])} read")
        ragged = np.zeros(len(sound), np.bool_)
    except pa.ArrowInvalid:
        ragged = sound & (_cell_counts(piece.data, records, delimiter) != len(header))
        columns = _read_arrow(_without(piece.data, records, ~sound | ragged), header, names, delimiter)
    rejects = [
        Reject(int(lines[row]), "", _text(piece.data, records, row), code)
        for rows, code in ((~sound, RejectCode.BAD_QUOTES), (ragged, RejectCode.RAGGED_ROW))
        for row in np.flatnonzero(rows)
    ]
    return Cells(columns, lines[sound & ~ragged], rejects)


def _text(data: bytes, records: Records, row: np.intp) -> str:
    return shown(data[records.start[row] : records.end[row]].rstrip(b"\r\n"))


def _without(data: bytes, records: Records, rows: npt.NDArray[np.bool_]) -> bytes:
    """The piece without some rows, and so that Arrow takes no byte order mark out of a first cell."""
    view = memoryview(data)
    parts: list[bytes | memoryview] = []
    position = 0
    for row in np.flatnonzero(rows):
        parts.append(view[position : records.start[row]])
        position = int(records.end[row])
    if not parts and not data.startswith(BYTE_ORDER_MARK):
        return data
    return b"".join([b"\n", *parts, view[position:]])


def _read_arrow(data: bytes, header: Sequence[str], names: Sequence[str], delimiter: str) -> dict[str, pa.Array]:
    """Binary arrays, null where empty. Raises pa.ArrowInvalid for a row with more or fewer cells than the header."""
    if not data.strip(b"\r\n"):
        return {name: pa.array([], pa.binary()) for name in names}
    options = {
        "read_options": pa_csv.ReadOptions(column_names=header, use_threads=False, block_size=len(data) + 1),
        "parse_options": pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pa_csv.ConvertOptions(
            include_columns=names,
            column_types={name: pa.binary() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    }
    # read_csv looks through all that the collector tracks: 50 ms a call once TensorFlow is imported. What was frozen
    # for good stays so.
    thaw = gc.get_freeze_count() == 0
    if thaw:
        gc.freeze()
    try:
        table = pa_csv.read_csv(pa.BufferReader(data), **options)
    finally:
        if thaw:
            gc.unfreeze()
    return {name: one_chunk(table.column(name), pa.binary()) for name in names}


def _cell_counts(data: bytes, records: Records, delimiter: str) -> npt.NDArray[np.int64]:
    """Cells of each row. Shape [rows]; 0 where the quotes are bad."""
    content = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(content == QUOTE)
    marks = np.flatnonzero(content == ord(delimiter))
    row = np.searchsorted(records.start, marks, side="right") - 1
    outside = quoted_by_parity(quotes, marks) == quoted_by_parity(quotes, records.start)[row]
    counts = 1 + np.bincount(row[outside], minlength=len(records.start))
    # not csv.reader, which takes no cell of more than 131,072 characters
    quoted = re.compile(rb'(?:^|(?<=%b))"[^"]*(?:""[^"]*)*"' % re.escape(delimiter.encode()))
    for irregular in np.flatnonzero(records.irregular):
        text = data[records.start[irregular] : records.end[irregular]]
        counts[irregular] = 1 + quoted.sub(b"", text).count(delimiter.encode())
    return np.where(records.bad_quotes, 0, counts)
