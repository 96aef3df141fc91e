"""Which slices may decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.sliced_rows import SlicedRows
from components.evaluator.slices import SliceKey
from configs.evaluation import SliceBounds

IntArray = npt.NDArray[np.int64]


class LeftOut(NamedTuple):
    """A slice that does not decide."""

    slice: str
    rows: int
    clicks: int
    """Rows with a click."""
    reason: str


class SliceSizes(NamedTuple):
    """Rows that weigh something, by slice; all [slices]."""

    names: tuple[str, ...]
    rows: IntArray
    clicks: IntArray
    """Rows with a click."""
    others: IntArray
    """Rows without one; an aggregated row may be both."""

    def decide(self, limits: SliceBounds) -> npt.NDArray[np.bool_]:
        """Whether a slice is large enough, [slices]."""
        few = limits.min_clicks
        return (self.rows >= limits.min_rows) & (self.clicks >= few) & (self.others >= few)

    def left_out(self, limits: SliceBounds) -> Iterator[LeftOut]:
        """Those that are not, with the reason."""
        for one in np.flatnonzero(~self.decide(limits)).tolist():
            if self.rows[one] < limits.min_rows:
                reason = f"{self.rows[one]} rows, fewer than {limits.min_rows}"
            elif self.clicks[one] < limits.min_clicks:
                reason = f"{self.clicks[one]} rows with a click, fewer than {limits.min_clicks}"
            else:
                reason = f"{self.others[one]} rows without a click, fewer than {limits.min_clicks}"
            yield LeftOut(self.names[one], int(self.rows[one]), int(self.clicks[one]), reason)


def slice_name(key: SliceKey) -> str:
    """`device=phone, position=top`; empty for all rows."""
    return ", ".join(f"{column}={_text(value)}" for column, value in key)


def _text(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "(empty)"


def slice_sizes(rows: SlicedRows, keys: tuple[SliceKey, ...]) -> SliceSizes:
    """Counted on the sorted rows of one slicing."""
    weighty = rows.weight > 0

    def count(of: npt.NDArray[np.bool_]) -> IntArray:
        return np.bincount(rows.slice_id[of & weighty], minlength=rows.n_slices).astype(np.int64)

    names = tuple(slice_name(key) for key in keys)
    return SliceSizes(names, count(weighty), count(rows.label > 0), count(rows.label < 1))
