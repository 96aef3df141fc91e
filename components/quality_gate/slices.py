"""Rows by slice, and which slices may decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.metrics import FloatArray
from configs.evaluation import SliceBounds

IntArray = npt.NDArray[np.int64]
MISSING = "(missing)"


class Slicing(NamedTuple):
    """One way of cutting the rows, such as by device."""

    names: tuple[str, ...]
    """`device=phone`, or `device=phone, position=top`; [slices]."""
    ids: IntArray
    """Each row's slice, [rows]."""


class LeftOut(NamedTuple):
    """A slice that does not decide."""

    slice: str
    rows: int
    clicks: int
    reason: str


def slicings(specs: Sequence[Sequence[str]], columns: Mapping[str, npt.NDArray[Any]]) -> list[Slicing]:
    """A slicing for each combination of columns. `columns`: raw values by name, each [rows]; bytes are UTF-8.

    Slices are in the order of their values. An empty string and a number that is none count as missing.
    """
    return [_slicing(spec, columns) for spec in specs if spec]


def _slicing(spec: Sequence[str], columns: Mapping[str, npt.NDArray[Any]]) -> Slicing:
    names: tuple[str, ...] = ("",)
    ids = np.zeros(len(columns[spec[0]]), np.int64)
    for column in spec:
        values, codes = np.unique(columns[column], return_inverse=True)
        combined = ids * len(values) + codes
        found, ids = np.unique(combined, return_inverse=True)
        labels = [f"{column}={_text(value)}" for value in values]
        before = [f"{name}, " if name else "" for name in names]
        names = tuple(before[code // len(values)] + labels[code % len(values)] for code in found)
    return Slicing(names, ids.astype(np.int64))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace") or MISSING
    if isinstance(value, str):
        return value or MISSING
    return MISSING if value != value else f"{value:g}" if isinstance(value, np.floating) else str(value)


def deciding(slicing: Slicing, label: FloatArray, limits: SliceBounds) -> tuple[npt.NDArray[np.bool_], list[LeftOut]]:
    """Which slices are large enough, bool [slices], and the others with the reason."""
    rows, clicks, others = counts(slicing, label)
    large = (rows >= limits.min_rows) & (clicks >= limits.min_clicks) & (others >= limits.min_clicks)
    return large, list(_left_out(slicing, rows, clicks, others, large, limits))


def counts(slicing: Slicing, label: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Rows, rows with a click and rows with none or not only clicks, each [slices]."""
    size = len(slicing.names)
    return (
        np.bincount(slicing.ids, minlength=size),
        np.bincount(slicing.ids[label > 0], minlength=size),
        np.bincount(slicing.ids[label < 1], minlength=size),
    )


def _left_out(
    slicing: Slicing,
    rows: IntArray,
    clicks: IntArray,
    others: IntArray,
    large: npt.NDArray[np.bool_],
    limits: SliceBounds,
) -> Iterator[LeftOut]:
    for one in np.flatnonzero(~large):
        if rows[one] < limits.min_rows:
            reason = f"{rows[one]} rows, fewer than {limits.min_rows}"
        elif clicks[one] < limits.min_clicks:
            reason = f"{clicks[one]} rows with a click, fewer than {limits.min_clicks}"
        else:
            reason = f"{others[one]} rows without a click, fewer than {limits.min_clicks}"
        yield LeftOut(slicing.names[one], int(rows[one]), int(clicks[one]), reason)
