"""One value as a caller has it -> what the model's input takes: float, int or bytes.

Callers have Python's types, text as CSV and JSON files write it, and what pandas and numpy put in their place: NaN, NA,
NaT, Timestamp, scalars. Neither is imported here; a missing value is known by its type's name.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

from serving.clients.client_errors import RowError

Dtype = Literal["DT_FLOAT", "DT_INT64", "DT_STRING"]
Value = float | int | bytes

MAX_FLOAT32 = 3.4028234663852886e38
MAX_INT64 = 2**63 - 1
MISSING_INT64 = -(2**63)
MISSING: dict[Dtype, Value] = {"DT_FLOAT": math.nan, "DT_INT64": MISSING_INT64, "DT_STRING": b""}
"""The model's mark for a missing value."""

_PANDAS_MISSING = frozenset({"NAType", "NaTType"})
_WHOLE_FLOAT_LIMIT = 2**53  # from here on a float64 has no digits for single units


def to_float(row: int, field: str, value: object) -> float:
    """float32 goes over the wire; what it cannot hold is refused here, where the row is known."""
    value = _plain(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    fix = "not a number; give one such as 12.5, or leave the field empty where it is missing"
    if not isinstance(value, (int, float, str, Decimal)):
        raise RowError(row, field, value, fix)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise RowError(row, field, value, fix) from error
    if math.isfinite(number) and abs(number) > MAX_FLOAT32:
        raise RowError(row, field, value, f"beyond float32; give a number between ±{MAX_FLOAT32:.4g}")
    return number


def to_int64(row: int, field: str, value: object) -> int:
    """A whole number, also one written as a float; of a time the seconds since 1970."""
    value = _plain(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        return MISSING_INT64
    if isinstance(value, float) and math.isnan(value):
        return MISSING_INT64
    fix = (
        "neither a whole number nor an ISO 8601 time; give one such as 12, or leave the field empty where it is missing"
    )
    try:
        if isinstance(value, str):
            number = _whole_number(value.strip())
        elif isinstance(value, datetime.date):
            number = _unix_seconds(value)
        elif isinstance(value, (int, float, Decimal)) and value == int(value):
            number = int(value)
        else:
            raise RowError(row, field, value, fix)
    except (ValueError, OverflowError) as error:
        raise RowError(row, field, value, fix) from error
    if not MISSING_INT64 < number <= MAX_INT64:
        raise RowError(row, field, value, f"beyond int64; give a whole number from {MISSING_INT64 + 1} to {MAX_INT64}")
    return number


def _whole_number(text: str) -> int:
    """An integer as written, or the seconds since 1970 of an ISO 8601 time: the only integers a click model reads."""
    if text[4:5] != "-":  # of a time the first try would always fail, at some cost
        try:
            return int(text)
        except ValueError:
            pass
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        number = float(text)  # "3.0" and "1e3", as spreadsheets and pandas write integers beside missing values
        if number != int(number):
            raise ValueError(text) from None
        return int(number)
    return _unix_seconds(moment)


def _unix_seconds(moment: datetime.date) -> int:
    """Without an offset the time is UTC, as the ingest takes it; a bare day is its midnight."""
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


def to_bytes(row: int, field: str, value: object) -> bytes:
    """Text as UTF-8; bytes as they are, or as {"b64": "…"}; numbers as the ingest writes them, 12.0 as 12."""
    value = _plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise RowError(row, field, value, "not valid text; give it as UTF-8 or as bytes") from error
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # pandas turns a column of integers into floats where one is missing; the vocabulary has the integers.
        whole = isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_FLOAT_LIMIT
        return str(int(value) if whole else value).encode()
    if isinstance(value, Mapping) and value.keys() == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as error:
            raise RowError(row, field, value, "not valid base64 (RFC 4648, section 4)") from error
    raise RowError(row, field, value, 'neither text nor bytes; give a string, or {"b64": "…"} for bytes')


def _plain(value: object) -> object:
    """numpy's scalars as Python's, and pandas' marks for missing values as None."""
    kind = type(value)
    if kind.__name__ in _PANDAS_MISSING:
        return None
    if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        if kind.__name__ == "datetime64":
            value = value.astype("datetime64[s]")  # type: ignore[attr-defined]  # numpy is not imported here; finer units would become bare integers
        return value.item()  # type: ignore[attr-defined]  # likewise
    return value


CONVERTERS: dict[Dtype, Callable[[int, str, object], Value]] = {
    "DT_FLOAT": to_float,
    "DT_INT64": to_int64,
    "DT_STRING": to_bytes,
}
