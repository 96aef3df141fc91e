"""Cuts many rows into requests, by rows and by bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from serving.clients.client_columns import Column

_NUMBER_BYTES = 12  # about what a number takes as JSON


def plan_requests(columns: Mapping[str, Column], max_rows: int, max_bytes: int) -> Iterator[range]:
    """Ranges of rows, in order, each of at most `max_rows` rows and, unless it is one row, `max_bytes` of values.

    A row that is larger by itself goes alone: whether it is too large is the server's to say.
    """
    texts = [cast("Sequence[bytes]", column) for column in columns.values() if isinstance(column[0], bytes)]
    rows = len(next(iter(columns.values())))
    number_bytes = _NUMBER_BYTES * (len(columns) - len(texts))
    start, size = 0, 0
    for row in range(rows):
        row_bytes = number_bytes + sum(len(column[row]) for column in texts)
        if row > start and (row - start == max_rows or size + row_bytes > max_bytes):
            yield range(start, row)
            start, size = row, 0
        size += row_bytes
    yield range(start, rows)
