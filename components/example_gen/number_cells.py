"""Numbers out of cells: vectorised, with a mask of the cells that are none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
_DECIMAL = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


class Parsed(NamedTuple):
    """Values, null where missing or bad, and where a cell holds something that is no such value."""

    values: pa.Array
    bad: Bools


def mask(condition: pa.Array) -> Bools:
    """Boolean array with null as False."""
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), np.bool_)


def numbers(cells: pa.Array) -> Parsed:
    """float64 values of string, number or boolean cells; bad where a cell is no finite decimal number.

    A number is an optional sign, ASCII digits with at most one point, an optional exponent, and spaces around it.
    """
    if not pa.types.is_string(cells.type):
        plain = cells.cast(pa.int8()) if pa.types.is_boolean(cells.type) else cells
        return _finite(plain.cast(pa.float64(), safe=False))  # integers beyond 2^53 are rounded, as those of CSV are
    try:
        parsed = _finite(cells.cast(pa.float64()))
        if not parsed.bad.any():
            return parsed
    except pa.ArrowInvalid:
        pass
    bad = mask(pc.invert(pc.match_substring_regex(cells, _DECIMAL)))
    plain = pc.ascii_ltrim(pc.ascii_trim_whitespace(cells), "+")  # Arrow reads no plus sign
    parsed = _finite(_null_where(bad, plain).cast(pa.float64()))
    return Parsed(parsed.values, bad | parsed.bad)


def labels(cells: pa.Array) -> Parsed:
    """int64 0 and 1; bad where a cell is anything else."""
    parsed = numbers(cells)
    bad = parsed.bad | mask(pc.invert(pc.or_(pc.equal(parsed.values, 0.0), pc.equal(parsed.values, 1.0))))
    return Parsed(_null_where(bad, parsed.values).cast(pa.int64()), bad)


def counts(cells: pa.Array) -> Parsed:
    """float64 whole numbers from 0 on; bad where a cell is anything else."""
    parsed = numbers(cells)
    whole = pc.and_(pc.equal(pc.floor(parsed.values), parsed.values), pc.greater_equal(parsed.values, 0.0))
    bad = parsed.bad | mask(pc.invert(whole))
    return Parsed(_null_where(bad, parsed.values), bad)


def floats(cells: pa.Array) -> Parsed:
    """float32 values; bad also where the number is finite in 64 bits and not in the Examples' 32."""
    parsed = numbers(cells)
    narrow = _finite(parsed.values.cast(pa.float32(), safe=False))
    return Parsed(narrow.values, parsed.bad | narrow.bad)


def texts(cells: pa.Array) -> pa.Array:
    """Strings of string, number or boolean cells; decimals keep their digits, as in CSV."""
    if pa.types.is_decimal(cells.type):  # which Arrow does not cast to text
        return pa.array([None if value is None else f"{value:f}" for value in cells.to_pylist()], pa.string())
    return cells.cast(pa.string())


def _finite(values: pa.Array) -> Parsed:
    bad = mask(pc.invert(pc.is_finite(values)))
    return Parsed(_null_where(bad, values) if bad.any() else values, bad)


def _null_where(rows: Bools, values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(~rows), values, pa.scalar(None, values.type))
