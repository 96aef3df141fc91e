"""Parses a piece of CSV by the feature table: typed columns for the good rows, a reject for each bad one.

All checks are vectorised; only rows that fail are looked at one by one.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

from adclick.errors import DataError
from components.example_gen.csv_blocks import Piece, record_lines
from components.example_gen.reject_codes import RejectCode
from configs.features import (
    STRING_KINDS,
    AnyFeature,
    Bucketized,
    FeatureTable,
    Image,
    Numeric,
    Timestamp,
    Weight,
)

BoolArray = npt.NDArray[np.bool_]
_CODES = tuple(RejectCode)
_DECIMAL = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_ISO_SECONDS_UTC = "%Y-%m-%dT%H:%M:%SZ"
_ISO_SECONDS_SHAPE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\dZ$"
_UNSAFE_PATH = re.compile(r"^/|^[A-Za-z][A-Za-z0-9+.-]*:|\\|\0|(^|/)\.\.(/|$)")


class Reject(NamedTuple):
    """One row that is not used, and why."""

    line: int
    column: str
    value: str
    code: RejectCode


class ParsedRows(NamedTuple):
    """What a piece of CSV holds."""

    read: int
    columns: dict[str, pa.Array]
    """Accepted rows by feature name: string, float32 or int64, null where missing."""
    lines: npt.NDArray[np.int64]
    """Line number of each accepted row."""
    rejects: list[Reject]


class _Faults:
    """The first fault of each row."""

    def __init__(self, rows: int) -> None:
        self.code = np.zeros(rows, np.int8)  # 0: none, else index into _CODES + 1
        self.column = np.full(rows, "", object)

    def add(self, code: RejectCode, column: str, rows: BoolArray) -> None:
        fresh = rows & (self.code == 0)
        self.code[fresh] = _CODES.index(code) + 1
        self.column[fresh] = column


def parse_piece(piece: Piece, header: tuple[str, ...], table: FeatureTable, delimiter: str) -> ParsedRows:
    """Rows of a piece, checked in the order of RejectCode."""
    cells, ragged = _read_cells(piece, header, [feature.name for feature in table.written], delimiter)
    lines = _lines(piece, delimiter, expected=len(next(iter(cells.values()))) + len(ragged))
    rejects = [Reject(int(lines[number - 1]), "", text, RejectCode.RAGGED_ROW) for number, text in ragged]
    lines = np.delete(lines, [number - 1 for number, _ in ragged])

    faults = _Faults(len(lines))
    strings = {name: _decode(name, column, faults) for name, column in cells.items()}
    label = table.label.name
    faults.add(RejectCode.MISSING_LABEL, label, _mask(pc.is_null(strings[label])))
    typed: dict[str, pa.Array] = {}
    typed[label] = _parse_label(label, strings[label], faults)
    for feature in table.written:
        if feature.required:
            faults.add(RejectCode.MISSING_REQUIRED, feature.name, _mask(pc.is_null(strings[feature.name])))
    for feature in table.written:
        if isinstance(feature, Numeric | Bucketized | Weight):
            typed[feature.name] = _parse_number(feature, strings[feature.name], faults)
    for feature in table.of_kind(Numeric, Bucketized, Weight):
        _check_range(feature, typed[feature.name], faults)
    for feature in table.of_kind(Timestamp):
        typed[feature.name] = _parse_timestamp(feature, strings[feature.name], faults)
    for feature in table.of_kind(Image):
        _check_image_path(feature.name, strings[feature.name], faults)
    for feature in table.of_kind(*STRING_KINDS):
        typed[feature.name] = strings[feature.name]

    for row in np.flatnonzero(faults.code):
        name = faults.column[row]
        value = cells[name][int(row)].as_py() or b""
        code = _CODES[faults.code[row] - 1]
        rejects.append(Reject(int(lines[row]), name, value.decode("utf-8", "backslashreplace"), code))
    good = pa.array(faults.code == 0)
    return ParsedRows(
        read=len(lines) + len(ragged),
        columns={feature.name: typed[feature.name].filter(good) for feature in table.written},
        lines=lines[faults.code == 0],
        rejects=sorted(rejects),
    )


def read_times(piece: Piece, header: tuple[str, ...], timestamp: Timestamp, delimiter: str) -> npt.NDArray[np.int64]:
    """Valid timestamps of a piece, in seconds since 1970, in file order."""
    cells, _ = _read_cells(piece, header, [timestamp.name], delimiter)
    column = cells[timestamp.name]
    faults = _Faults(len(column))
    seconds = _parse_timestamp(timestamp, _decode(timestamp.name, column, faults), faults)
    return np.asarray(seconds.drop_null(), np.int64)


def _read_cells(
    piece: Piece, header: tuple[str, ...], names: list[str], delimiter: str
) -> tuple[dict[str, pa.Array], list[tuple[int, str]]]:
    """Cells as binary arrays, null where empty; and the ragged records' numbers (from 1) and text."""
    try:
        return _read_arrow(piece.data, header, names, delimiter)
    except pa.ArrowInvalid as error:
        if _text_or_none(piece.data) is None:
            return _read_as_latin1(piece, header, names, delimiter)
        raise _unreadable(piece, error) from None


def _read_as_latin1(
    piece: Piece, header: tuple[str, ...], names: list[str], delimiter: str
) -> tuple[dict[str, pa.Array], list[tuple[int, str]]]:
    """The slow way for a piece with a ragged record that is not UTF-8, whose text Arrow cannot hand out."""
    try:
        cells, ragged = _read_arrow(piece.data.decode("latin-1").encode("utf-8"), header, names, delimiter)
    except pa.ArrowInvalid as error:
        raise _unreadable(piece, error) from None
    original = {
        name: pa.array(
            [None if cell is None else cell.decode("utf-8").encode("latin-1") for cell in column.to_pylist()],
            pa.binary(),
        )
        for name, column in cells.items()
    }
    return original, [(number, text.encode("latin-1").decode("utf-8", "backslashreplace")) for number, text in ragged]


def _unreadable(piece: Piece, error: Exception) -> DataError:
    last_line = piece.first_line + piece.data.count(b"\n")
    return DataError(
        f"lines {piece.first_line} to {last_line}: cannot be read as CSV ({error}); look for a quote that is not closed"
    )


def _read_arrow(
    data: bytes, header: tuple[str, ...], names: list[str], delimiter: str
) -> tuple[dict[str, pa.Array], list[tuple[int, str]]]:
    ragged: list[tuple[int, str]] = []

    def note(row: Any) -> str:
        ragged.append((row.number, row.text))
        return "skip"

    table = pa_csv.read_csv(
        io.BytesIO(data),
        read_options=pa_csv.ReadOptions(column_names=header, use_threads=False, block_size=len(data) + 1),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
        convert_options=pa_csv.ConvertOptions(
            include_columns=names,
            column_types={name: pa.binary() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return {name: _one_chunk(table.column(name), pa.binary()) for name in names}, ragged


def _lines(piece: Piece, delimiter: str, expected: int) -> npt.NDArray[np.int64]:
    """Line of each record; slower and reader by reader where stray quotes make the quick count disagree with Arrow."""
    lines = record_lines(piece)
    if len(lines) == expected:
        return lines
    reader = csv.reader(io.StringIO(piece.data.decode("utf-8", "replace"), newline=""), delimiter=delimiter)
    try:
        ends = [(bool(cells), reader.line_num) for cells in reader]
    except csv.Error as error:
        raise _unreadable(piece, error) from None
    starts = [piece.first_line] + [piece.first_line + end for _, end in ends[:-1]]
    lines = np.array([start for start, (filled, _) in zip(starts, ends, strict=True) if filled], np.int64)
    if len(lines) != expected:
        raise DataError(f"near line {piece.first_line}: quotes do not match; write a quote within a cell as two quotes")
    return lines


def _one_chunk(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)


def _mask(condition: pa.Array) -> BoolArray:
    """Boolean array with null as False."""
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), np.bool_)


def _decode(name: str, column: pa.Array, faults: _Faults) -> pa.Array:
    """Binary to string; rows that are not UTF-8 become null and are noted."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        values = [_text_or_none(value.as_py()) for value in column]
        strings = pa.array(values, pa.string())
        faults.add(RejectCode.NOT_UTF8, name, _mask(pc.and_(pc.is_valid(column), pc.is_null(strings))))
        return strings


def _text_or_none(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _to_float(strings: pa.Array) -> tuple[pa.Array, BoolArray]:
    """float64 values, and where a cell is no finite decimal number (null there)."""
    try:
        numbers = strings.cast(pa.float64())
        bad = _mask(pc.invert(pc.is_finite(numbers)))
        if not bad.any():
            return numbers, bad
    except pa.ArrowInvalid:
        pass
    decimal = pc.match_substring_regex(strings, _DECIMAL)
    bad = _mask(pc.invert(decimal))
    plain = pc.ascii_ltrim(pc.utf8_trim_whitespace(strings), "+")  # Arrow reads no plus sign
    numbers = pc.if_else(pa.array(~bad), plain, pa.scalar(None, pa.string())).cast(pa.float64())
    overflow = _mask(pc.invert(pc.is_finite(numbers)))
    return pc.if_else(pa.array(~overflow), numbers, pa.scalar(None, pa.float64())), bad | overflow


def _parse_label(name: str, strings: pa.Array, faults: _Faults) -> pa.Array:
    numbers, bad = _to_float(strings)
    other = _mask(pc.invert(pc.or_(pc.equal(numbers, 0.0), pc.equal(numbers, 1.0))))
    faults.add(RejectCode.BAD_LABEL, name, bad | other)
    return pc.if_else(pa.array(~(bad | other)), numbers, pa.scalar(None, pa.float64())).cast(pa.int64())


def _parse_number(feature: AnyFeature, strings: pa.Array, faults: _Faults) -> pa.Array:
    numbers, bad = _to_float(strings)
    narrow = numbers.cast(pa.float32(), safe=False)
    overflow = _mask(pc.invert(pc.is_finite(narrow)))  # finite in 64 bits, not in the Examples' 32
    faults.add(RejectCode.BAD_NUMBER, feature.name, bad | overflow)
    return narrow


def _check_range(feature: Numeric | Bucketized | Weight, numbers: pa.Array, faults: _Faults) -> None:
    minimum = 0.0 if isinstance(feature, Weight) else feature.minimum
    maximum = None if isinstance(feature, Weight) else feature.maximum
    for bound, compare in ((minimum, pc.less), (maximum, pc.greater)):
        if bound is not None:
            limit = pa.scalar(bound, pa.float32())
            faults.add(RejectCode.OUT_OF_RANGE, feature.name, _mask(compare(numbers, limit)))


def _parse_timestamp(feature: Timestamp, strings: pa.Array, faults: _Faults) -> pa.Array:
    """int64 seconds since 1970 in UTC; ISO 8601 times without an offset are taken as UTC."""
    parse: Callable[[str], int | None]
    if feature.format == "unix_s":
        seconds, parse = _cast_or_null(strings), _unix_or_none
    else:
        seconds, parse = _iso_seconds_or_null(strings), _iso_or_none
    left = np.flatnonzero(_mask(pc.and_(pc.is_valid(strings), pc.is_null(seconds))))
    if len(left):
        values = seconds.to_pylist()
        for row in left:
            values[row] = parse(strings[int(row)].as_py())
        seconds = pa.array(values, pa.int64())
    faults.add(RejectCode.BAD_TIMESTAMP, feature.name, _mask(pc.and_(pc.is_valid(strings), pc.is_null(seconds))))
    return seconds


def _iso_seconds_or_null(strings: pa.Array) -> pa.Array:
    """Seconds of the commonest spelling; null for any other.

    strptime turns 30 February into 2 March, so the day is compared with what was written.
    """
    times = pc.strptime(strings, format=_ISO_SECONDS_UTC, unit="s", error_is_null=True)
    spelled = pc.if_else(
        pc.match_substring_regex(strings, _ISO_SECONDS_SHAPE), pc.utf8_slice_codeunits(strings, 8, 10), "0"
    ).cast(pa.int64())
    return pc.if_else(pc.equal(pc.day(times), spelled), times.cast(pa.int64()), pa.scalar(None, pa.int64()))


def _cast_or_null(strings: pa.Array) -> pa.Array:
    try:
        return strings.cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.nulls(len(strings), pa.int64())


def _unix_or_none(text: str) -> int | None:
    seconds = int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text, re.ASCII) else None
    return seconds if seconds is not None and abs(seconds) < 1 << 63 else None


def _iso_or_none(text: str) -> int | None:
    try:
        moment = datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


def _check_image_path(name: str, strings: pa.Array, faults: _Faults) -> None:
    distinct = strings.dictionary_encode()
    unsafe = [bool(_UNSAFE_PATH.search(path or "")) for path in distinct.dictionary.to_pylist()]
    if any(unsafe):
        faults.add(RejectCode.UNSAFE_IMAGE_PATH, name, _mask(pc.take(pa.array(unsafe), distinct.indices)))
