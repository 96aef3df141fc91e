"""Rows as callers hand them over, dicts or a pandas DataFrame, read column by column."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from serving.clients.client_errors import RowError

Row = Mapping[str, object]
Faults = dict[int, RowError]
"""What is wrong with rows, by their index: where faults are collected instead of raised."""


class RowSource(ABC):
    """So many rows, with their values by field."""

    count: int

    @abstractmethod
    def values(self, field: str) -> list[Any]:
        """A value for each row, None where the row has no such field."""

    @abstractmethod
    def part(self, indices: Sequence[int]) -> RowSource:
        """These rows alone."""

    @abstractmethod
    def without_any(self, fields: Collection[str]) -> Iterator[tuple[int, Collection[str]]]:
        """Rows that have none of these fields, with the fields that they do have."""

    @abstractmethod
    def beyond(self, fields: Collection[str]) -> Iterator[tuple[int, str, object]]:
        """Row, name and value of each field that is none of these."""


class DictRows(RowSource):
    """Rows as mappings from field to value."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Raises RowError for something else than a mapping."""
        for index, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise RowError(index, "", row, f"is {type(row).__name__}; give a dict of feature name and value")
        self.rows = rows
        self.count = len(rows)

    def values(self, field: str) -> list[Any]:
        return [row.get(field) for row in self.rows]

    def part(self, indices: Sequence[int]) -> DictRows:
        return DictRows([self.rows[index] for index in indices])

    def without_any(self, fields: Collection[str]) -> Iterator[tuple[int, Collection[str]]]:
        known = frozenset(fields)
        return ((index, row.keys()) for index, row in enumerate(self.rows) if known.isdisjoint(row))

    def beyond(self, fields: Collection[str]) -> Iterator[tuple[int, str, object]]:
        known = frozenset(fields)
        for index, row in enumerate(self.rows):
            if not known.issuperset(row):
                yield from ((index, str(name), value) for name, value in row.items() if name not in known)


class FrameRows(RowSource):
    """Rows of a DataFrame; its index is not looked at."""

    def __init__(self, frame: Any) -> None:
        """Raises ValueError where two columns have one name."""
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise ValueError(f"column {twice!r} stands twice in the frame; rename one of them")
        self.frame = frame
        self.count = len(frame)

    def values(self, field: str) -> list[Any]:
        # astype(object) keeps Timestamps and NA, which tolist() of a typed column may turn into other things.
        return self.frame[field].astype(object).tolist() if field in self.frame.columns else [None] * self.count

    def part(self, indices: Sequence[int]) -> FrameRows:
        return FrameRows(self.frame.iloc[list(indices)])

    def without_any(self, fields: Collection[str]) -> Iterator[tuple[int, Collection[str]]]:
        if not any(field in self.frame.columns for field in fields):
            yield from ((index, [str(name) for name in self.frame.columns]) for index in range(self.count))

    def beyond(self, fields: Collection[str]) -> Iterator[tuple[int, str, object]]:
        extra = [name for name in self.frame.columns if name not in fields]
        yield from ((index, str(name), self.frame[name].iloc[index]) for index in range(self.count) for name in extra)


def row_source(rows: Any) -> RowSource:
    """The rows of a list of dicts or of a DataFrame. pandas is not imported: who has a frame has done so.

    Raises:
        RowError: for an element that is no mapping.
        ValueError: for something that is no list of rows.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(rows, pandas.DataFrame):
        return FrameRows(rows)
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Sequence):
        raise ValueError(f"rows is {type(rows).__name__}; give a list of dicts or a pandas DataFrame")
    return DictRows(rows)
