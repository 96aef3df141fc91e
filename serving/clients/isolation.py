"""Finds the rows that a server refuses a request for, so that they cost no other row its prediction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from serving.clients.client_errors import ServerRefusedError, refused_row

_HOPELESS_AFTER = 14  # 2 + 4 + 8 parts: when all of them are refused, it is hardly single rows' fault

T = TypeVar("T")


def isolate(
    ask: Callable[[range], Sequence[T]], rows: range, refusal: ServerRefusedError
) -> list[T | ServerRefusedError]:
    """An outcome for each of `rows`, whose request the server answered with `refusal`.

    Parts are halved, the larger first, until a refused one is a single row: about 2 log2(n) requests for one bad row
    among n. While no part is answered, no more than 14 are sent, and the refusal stands for every row.

    Raises:
        ClientError: what `ask` raises besides a refusal that is about the request's contents.
    """
    outcomes: dict[int, T | ServerRefusedError] = dict.fromkeys(rows, refusal)
    parts = deque(_halves(rows))
    asked, answered = 0, False
    while parts and (answered or asked < _HOPELESS_AFTER):
        part = parts.popleft()
        asked += 1
        try:
            outcomes.update(zip(part, ask(part), strict=True))
            answered = True
        except ServerRefusedError as error:
            if not error.about_contents:
                raise
            outcomes.update(dict.fromkeys(part, refused_row(error, part[0]) if len(part) == 1 else error))
            parts.extend(_halves(part))
    return [outcomes[row] for row in rows] if answered else [refusal for _ in rows]


def _halves(rows: range) -> list[range]:
    middle = len(rows) // 2
    return [rows[:middle], rows[middle:]] if len(rows) > 1 else []
