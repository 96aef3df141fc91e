"""Times out of cells: seconds since 1970 in UTC, vectorised for the common spellings."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen.number_cells import Parsed, mask
from configs.features import Timestamp

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_UNIX = re.compile(r"[ \t\n\r\f\v]*([+-]?[0-9]+)[ \t\n\r\f\v]*")
_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?)?\s*", re.ASCII
)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# 2026-01-02T03:04:05Z, and the same with a space for T or without Z
_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_DAYS_TO_1970 = 719_468  # from 1 March of the year 0


def seconds(feature: Timestamp, cells: pa.Array) -> Parsed:
    """int64 seconds since 1970; bad where a cell is no time in the feature's format.

    Typed times of Parquet are times in either format. Fractions of a second are cut off. A time without an offset is
    taken as UTC.
    """
    kind = cells.type
    if pa.types.is_timestamp(kind):
        return _from_numbers(cells.cast(pa.int64()), _PER_SECOND[kind.unit])
    if pa.types.is_date(kind):
        return _from_numbers(cells.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), 1, times=86_400)
    if not pa.types.is_string(kind):
        return _from_unix_numbers(feature, cells)
    if feature.format == "unix_s":
        return _fill(cells, _cast_or_null(cells), _unix_or_none)
    return _fill(cells, _iso_seconds(cells), _iso_or_none)


def _from_numbers(counts: pa.Array, per_second: int, times: int = 1) -> Parsed:
    values = np.asarray(counts.fill_null(0).to_numpy(zero_copy_only=False), np.int64) // per_second * times
    missing = mask(counts.is_null())
    return Parsed(pa.array(values, mask=missing), np.zeros(len(values), np.bool_))


def _from_unix_numbers(feature: Timestamp, cells: pa.Array) -> Parsed:
    """Whole numbers are seconds with `unix_s`, and no time otherwise."""
    missing = mask(cells.is_null())
    if feature.format != "unix_s" or pa.types.is_boolean(cells.type):
        return Parsed(pa.nulls(len(cells), pa.int64()), ~missing)
    whole = [None if value is None else _whole_or_none(value) for value in _distinct(cells)]
    found = pa.array(whole, pa.int64()).take(cells.dictionary_encode().indices)
    return Parsed(found, ~missing & mask(found.is_null()))


def _distinct(cells: pa.Array) -> list[object]:
    return list(cells.dictionary_encode().dictionary.to_pylist())


def _whole_or_none(value: object) -> int | None:
    number = float(value)  # type: ignore[arg-type]  # the cells of a number column
    if not number.is_integer() or not -(2.0**63) <= number < 2.0**63:
        return None
    return int(value)  # type: ignore[call-overload,no-any-return]  # as above; a decimal or float that is whole


def _fill(cells: pa.Array, found: pa.Array, parse: Callable[[str], int | None]) -> Parsed:
    """The cells that the vectorised way leaves null, one by one."""
    left = mask(pc.and_(pc.is_valid(cells), pc.is_null(found)))
    if left.any():
        rows = pa.array(left)
        rest = pa.array([parse(text) for text in cells.filter(rows).to_pylist()], pa.int64())
        found = pc.replace_with_mask(found, rows, rest)
        left = mask(pc.and_(pc.is_valid(cells), pc.is_null(found)))
    return Parsed(found, left)


def _cast_or_null(cells: pa.Array) -> pa.Array:
    try:
        return cells.cast(pa.int64())
    except pa.ArrowInvalid:
        plain = pc.match_substring_regex(cells, r"^-?[0-9]{1,18}$")
        return pc.if_else(plain, cells, pa.scalar(None, pa.string())).cast(pa.int64())


def _unix_or_none(text: str) -> int | None:
    match = _UNIX.fullmatch(text)
    number = int(match[1]) if match and len(match[1]) < 100 else None
    return number if number is not None and -(1 << 63) <= number < 1 << 63 else None


def _iso_or_none(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    *parts, zone = match.groups(default="0")
    offset_s = 0
    if zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 23 or minutes > 59:
            return None
        offset_s = (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)
    try:
        moment = datetime.datetime(*map(int, parts), tzinfo=datetime.timezone.utc)  # type: ignore[misc,arg-type]  # six
    except ValueError:
        return None
    return int(moment.timestamp()) - offset_s


def _iso_seconds(cells: pa.Array) -> pa.Array:
    """Seconds where the cell is YYYY-MM-DDThh:mm:ss, with a space for T and with Z at will; null elsewhere."""
    offsets = np.frombuffer(cells.buffers()[1], np.int32)[cells.offset : cells.offset + len(cells) + 1]
    values = np.zeros(len(cells), np.int64)
    found = np.zeros(len(cells), np.bool_)
    lengths = np.diff(offsets)
    for length in (19, 20):
        rows = np.flatnonzero(lengths == length)
        if len(rows):
            content = np.frombuffer(cells.buffers()[2], np.uint8)
            text = content[offsets[rows][:, None] + np.arange(length, dtype=np.int32)]  # [rows, length]
            values[rows], found[rows] = _fixed_width_seconds(text)
    return pa.array(values, mask=~(found & mask(cells.is_valid())))


def _fixed_width_seconds(text: npt.NDArray[np.uint8]) -> tuple[Int64s, Bools]:
    """Seconds, and whether the row is such a time. text: [rows, 19 or 20]."""
    digits = text[:, _DIGITS].astype(np.int64) - ord("0")  # [rows, 14]
    good = np.asarray(((digits >= 0) & (digits <= 9)).all(axis=1), np.bool_)
    for position, mark in ((4, "-"), (7, "-"), (13, ":"), (16, ":")):
        good &= text[:, position] == ord(mark)
    good &= (text[:, 10] == ord("T")) | (text[:, 10] == ord(" "))
    if text.shape[1] == 20:
        good &= text[:, 19] == ord("Z")
    year = digits[:, :4] @ np.array([1000, 100, 10, 1])
    month, day, hour, minute, second = (digits[:, at] * 10 + digits[:, at + 1] for at in (4, 6, 8, 10, 12))
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    month_length = _DAYS_IN_MONTH[np.clip(month, 0, 12)] + (leap & (month == 2))
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= month_length)
    good &= (hour <= 23) & (minute <= 59) & (second <= 59)
    return _days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, good


def _days(year: Int64s, month: Int64s, day: Int64s) -> Int64s:
    """Days since 1970 of the proleptic Gregorian calendar, with years that start in March."""
    year = year - (month <= 2)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: Int64s = 365 * year + year // 4 - year // 100 + year // 400 + day_of_year - _DAYS_TO_1970
    return days
