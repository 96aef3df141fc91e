"""Checks cells by the feature table: typed columns for the good rows, a reject for each bad one.

All checks are vectorised; only what is told of a bad row is looked up row by row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.cells import Cells
from components.example_gen.number_cells import counts, floats, labels, mask, texts
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import Reject, shown
from components.example_gen.time_cells import seconds
from configs.features import FLOAT_KINDS, STRING_KINDS, Bucketized, FeatureTable, Image, Numeric, Timestamp, Weight

Bools = npt.NDArray[np.bool_]
_CODES = tuple(RejectCode)
_UNSAFE_PATH = re.compile(r"^/|^[A-Za-z][A-Za-z0-9+.-]*:|\\|(^|/)\.\.(/|$)")
_BYTE_ORDER_MARK = "\ufeff"


class ParsedRows(NamedTuple):
    """What a piece of CSV or a row group holds."""

    read: int
    columns: dict[str, pa.Array]
    """Accepted rows by feature name: string, float32 or int64, null where missing."""
    lines: npt.NDArray[np.int64]
    """Line (CSV) or row number (Parquet) of each accepted row."""
    rejects: list[Reject]
    """By line."""


class _Faults:
    """The first fault of each row."""

    def __init__(self, rows: int) -> None:
        self.code = np.zeros(rows, np.int8)  # 0: none, else index into _CODES + 1
        self.column = np.full(rows, "", object)

    def add(self, code: RejectCode, column: str, rows: Bools) -> None:
        if rows.any():
            fresh = rows & (self.code == 0)
            self.code[fresh] = _CODES.index(code) + 1
            self.column[fresh] = column


def parse_rows(cells: Cells, table: FeatureTable) -> ParsedRows:
    """Accepted and rejected rows, checked in the order of RejectCode."""
    faults = _Faults(len(cells.lines))
    checked = {name: _decode(name, column, faults) for name, column in cells.columns.items()}
    for name, column in checked.items():
        faults.add(RejectCode.NUL_BYTE, name, _holds_nul(column))
    faults.add(RejectCode.REPEATED_HEADER, "", _repeats_header(checked, table.label.name))
    typed = _typed(checked, table, faults)

    good = faults.code == 0
    columns = {feature.name: typed[feature.name] for feature in table.written}
    if not good.all():
        keep = pa.array(good)
        columns = {name: column.filter(keep) for name, column in columns.items()}
    return ParsedRows(
        read=len(good) + len(cells.rejects),
        columns=columns,
        lines=cells.lines[good],
        rejects=sorted([*cells.rejects, *_rejects(cells, faults)]),
    )


def parse_times(cells: Cells, timestamp: Timestamp) -> npt.NDArray[np.int64]:
    """Valid times, in seconds since 1970, in file order."""
    column = _decode(timestamp.name, cells.columns[timestamp.name], _Faults(len(cells.lines)))
    return np.asarray(seconds(timestamp, column).values.drop_null(), np.int64)


def _typed(checked: dict[str, pa.Array], table: FeatureTable, faults: _Faults) -> dict[str, pa.Array]:
    typed: dict[str, pa.Array] = {}
    label = table.label.name
    faults.add(RejectCode.MISSING_LABEL, label, mask(pc.is_null(checked[label])))
    if table.label.impressions is None:
        typed[label], bad = labels(checked[label])
        faults.add(RejectCode.BAD_LABEL, label, bad)
    else:
        typed[label] = _click_rates(checked, label, table.label.impressions, faults)
    for feature in table.written:
        if feature.required:
            faults.add(RejectCode.MISSING_REQUIRED, feature.name, mask(pc.is_null(checked[feature.name])))
    for feature in table.of_kind(*FLOAT_KINDS):
        typed[feature.name], bad = floats(checked[feature.name])
        faults.add(RejectCode.BAD_NUMBER, feature.name, bad)
    for feature in table.of_kind(Numeric, Bucketized, Weight):
        _check_range(feature, typed[feature.name], faults)
    for feature in table.of_kind(Timestamp):
        typed[feature.name], bad = seconds(feature, checked[feature.name])
        faults.add(RejectCode.BAD_TIMESTAMP, feature.name, bad)
    for feature in table.of_kind(*STRING_KINDS):
        typed[feature.name] = texts(checked[feature.name])
    for feature in table.of_kind(Image):
        _check_image_path(feature.name, typed[feature.name], faults)
    return typed


def _click_rates(checked: dict[str, pa.Array], label: str, impressions: str, faults: _Faults) -> pa.Array:
    """clicks / impressions, float32; 0 where a row stands for no impression."""
    clicks, bad = counts(checked[label])
    faults.add(RejectCode.BAD_LABEL, label, bad)
    shown, bad = counts(checked[impressions])
    faults.add(RejectCode.BAD_IMPRESSIONS, impressions, bad | mask(pc.is_null(checked[impressions])))
    faults.add(RejectCode.TOO_MANY_CLICKS, label, mask(pc.greater(clicks, shown)))
    return pc.divide(clicks, pc.if_else(pc.equal(shown, 0.0), 1.0, shown)).cast(pa.float32(), safe=False)


def _rejects(cells: Cells, faults: _Faults) -> list[Reject]:
    rows = np.flatnonzero(faults.code)
    values = np.full(len(rows), "", object)
    names = faults.column[rows]
    for name in set(names) - {""}:
        chosen = names == name
        values[chosen] = [shown(value) for value in cells.columns[name].take(pa.array(rows[chosen])).to_pylist()]
    codes: Sequence[RejectCode] = [_CODES[code - 1] for code in faults.code[rows]]
    return list(map(Reject, cells.lines[rows].tolist(), names.tolist(), values.tolist(), codes))


def _decode(name: str, column: pa.Array, faults: _Faults) -> pa.Array:
    """Binary to string; rows that are not UTF-8 become null and are noted. Other types stay."""
    if not pa.types.is_binary(column.type):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        strings = pa.array([_text_or_none(value) for value in column.to_pylist()], pa.string())
        faults.add(RejectCode.NOT_UTF8, name, mask(pc.and_(pc.is_valid(column), pc.is_null(strings))))
        return strings


def _text_or_none(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _holds_nul(column: pa.Array) -> Bools:
    content = column.buffers()[2] if pa.types.is_string(column.type) else None
    if content is None or b"\0" not in memoryview(content).tobytes():
        return np.zeros(len(column), np.bool_)
    return mask(pc.match_substring(column, "\0"))


def _repeats_header(columns: dict[str, pa.Array], label: str) -> Bools:
    """Rows whose cells are the columns' names; the label's is looked at first, since no good row has it."""
    likely = np.ones(len(columns[label]), np.bool_)
    for name in (label, *columns):
        if not pa.types.is_string(columns[name].type):
            return np.zeros(len(likely), np.bool_)
        if likely.any():
            plain = pc.utf8_trim_whitespace(pc.utf8_ltrim(columns[name], _BYTE_ORDER_MARK))
            likely &= mask(pc.equal(plain, name))
    return likely


def _check_range(feature: Numeric | Bucketized | Weight, numbers: pa.Array, faults: _Faults) -> None:
    minimum = 0.0 if isinstance(feature, Weight) else feature.minimum
    maximum = None if isinstance(feature, Weight) else feature.maximum
    for bound, compare in ((minimum, pc.less), (maximum, pc.greater)):
        if bound is not None:
            limit = pa.scalar(bound, pa.float32())
            faults.add(RejectCode.OUT_OF_RANGE, feature.name, mask(compare(numbers, limit)))


def _check_image_path(name: str, strings: pa.Array, faults: _Faults) -> None:
    distinct = strings.dictionary_encode()
    unsafe = [bool(_UNSAFE_PATH.search(path or "")) for path in distinct.dictionary.to_pylist()]
    if any(unsafe):
        faults.add(RejectCode.UNSAFE_IMAGE_PATH, name, mask(pc.take(pa.array(unsafe), distinct.indices)))
