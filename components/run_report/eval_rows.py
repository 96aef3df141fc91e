"""Reads what the report wants to know of the evaluation rows, in the order in which the evaluator scored them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.run_report.evidence import EvalRows
from configs.features import INT_KINDS, FeatureTable, holds_floats

MISSING_INTEGER = -(1 << 63)
"""As the `predict` signature marks a missing integer."""


def read_eval_rows(
    split_uris: Sequence[str],
    table: FeatureTable,
    slicings: Sequence[tuple[str, ...]],
    scores: Mapping[str, npt.NDArray[np.float64]],
) -> EvalRows:
    """Reads the columns that the rows are sliced by, and the creatives' paths, from the Examples of a split."""
    columns = {name: _texts(split_uris, table, name) for name in {one for slicing in slicings for one in slicing}}
    creatives = None
    if table.image is not None:
        creatives = _values(split_uris, table, table.image.name)
    return EvalRows(scores, {slicing: [columns[name] for name in slicing] for slicing in slicings}, creatives)


def _values(split_uris: Sequence[str], table: FeatureTable, name: str) -> npt.NDArray[np.generic]:
    import tensorflow as tf

    from components.evaluator.scoring import read_column

    if holds_floats(table[name]):
        return read_column(split_uris, name, tf.float32, float("nan"))
    if isinstance(table[name], INT_KINDS):
        return read_column(split_uris, name, tf.int64, MISSING_INTEGER)
    return read_column(split_uris, name, tf.string, "")


def _texts(split_uris: Sequence[str], table: FeatureTable, name: str) -> npt.NDArray[np.str_]:
    """A column's values as text, "" where missing."""
    values = _values(split_uris, table, name)
    if values.dtype == object:
        return np.array([value.decode("utf-8", "backslashreplace") for value in values], dtype=str)
    if values.dtype.kind == "f":
        return np.array(["" if np.isnan(value) else f"{value:g}" for value in values.tolist()], dtype=str)
    return np.array(["" if value == MISSING_INTEGER else str(value) for value in values.tolist()], dtype=str)
