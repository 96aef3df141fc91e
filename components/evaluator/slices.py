"""Which slice each evaluation row belongs to, by columns of the data and by what training has seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.evaluator.eval_columns import ColumnError, row_count, slice_values
from components.evaluator.sliced_rows import IntArray

SliceKey = tuple[tuple[str, "str | int | float"], ...]
"""TFMA's own form: pairs of column and value in order of the columns; () is all rows."""


@dataclasses.dataclass(frozen=True)
class Slicing:
    """One set of columns: `ids` [rows] index `keys`, −1 where a row lacks a value (TFMA leaves it out too)."""

    columns: tuple[str, ...]
    keys: tuple[SliceKey, ...]
    ids: IntArray


def slicings_from_columns(columns_uri: str, wanted: Sequence[tuple[str, ...]]) -> list[Slicing]:
    """Of the evaluation rows, in the order of their Examples; all rows together come first.

    `columns_uri`: ExampleGen's columns. ColumnError: a row has several values of a column.
    """
    names = sorted({name for columns in wanted for name in columns})
    encoded = {name: encode(slice_values(columns_uri, name), name) for name in names}
    count = len(next(iter(encoded.values()))[0]) if encoded else row_count(columns_uri)
    return slicings(encoded, wanted, count)


def slicings(
    encoded: dict[str, tuple[IntArray, list[Any]]], wanted: Iterable[tuple[str, ...]], n_rows: int
) -> list[Slicing]:
    """`encoded`: of each column the code of each row, [rows], −1 for none, and what the codes mean."""
    found = [Slicing((), ((),), np.zeros(n_rows, np.int64))]
    for columns in wanted:
        names = tuple(sorted(set(columns)))
        if names and all(one.columns != names for one in found):
            found.append(_crossed(names, encoded))
    return found


def _crossed(names: tuple[str, ...], encoded: dict[str, tuple[IntArray, list[Any]]]) -> Slicing:
    joint = np.zeros(len(encoded[names[0]][0]), np.int64)
    missing = np.zeros(len(joint), np.bool_)
    for name in names:
        codes, values = encoded[name]
        missing |= codes < 0
        joint = joint * max(len(values), 1) + codes
    occurring, ids = np.unique(joint[~missing], return_inverse=True)
    keys = []
    for code in occurring.tolist():
        parts = []
        for name in reversed(names):
            values = encoded[name][1]
            code, index = divmod(code, len(values))
            parts.append((name, values[index]))
        keys.append(tuple(reversed(parts)))
    all_ids = np.full(len(joint), -1, np.int64)
    all_ids[~missing] = ids
    return Slicing(names, tuple(keys), all_ids)


def encode(values: pa.ChunkedArray, name: str) -> tuple[IntArray, list[Any]]:
    """Codes [rows], −1 for null, and the values that they stand for."""
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().chunk(0) if encoded.num_chunks else pa.array([], pa.string())
    codes = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    try:
        meanings = [one.decode() if isinstance(one, bytes) else one for one in encoded.dictionary.to_pylist()]
    except UnicodeDecodeError:
        raise ColumnError(f"evaluation.slices names {name!r}, which has a value that is no UTF-8 text") from None
    return codes, meanings
