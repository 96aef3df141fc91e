"""The cells of some rows, before anything is checked: what a CSV piece and a Parquet row group have in common."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.example_gen.rejects import Reject


class Cells(NamedTuple):
    """Rows whose shape is sound, column by column."""

    columns: dict[str, pa.Array]
    """By feature name, null where empty: binary from CSV; binary, number, boolean or time from Parquet."""
    lines: npt.NDArray[np.int64]
    """Line (CSV) or row number (Parquet) of each row."""
    rejects: list[Reject]
    """Rows that have no cells to check."""


def one_chunk(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
