from __future__ import annotations

import pytest

from serving.clients.client_errors import ServerRefusedError, ServerUnreachableError
from serving.clients.isolation import isolate

REFUSAL = ServerRefusedError("400", "whole request")


class Server:
    """Answers a part with its rows' numbers, unless a bad row is in it."""

    def __init__(self, *bad: int) -> None:
        self.bad, self.asked = frozenset(bad), 0

    def __call__(self, part: range) -> list[int]:
        self.asked += 1
        if self.bad & set(part):
            raise ServerRefusedError("400", f"rows {part.start} to {part.stop}")
        return list(part)


def test_a_bad_row_costs_no_other_row_its_answer() -> None:
    server = Server(37)
    outcomes = isolate(server, range(32, 96), REFUSAL)
    assert outcomes[:5] == [32, 33, 34, 35, 36]
    assert outcomes[6:] == list(range(38, 96))
    assert isinstance(outcomes[5], ServerRefusedError)
    assert outcomes[5].row == 37
    assert str(outcomes[5]) == "row 37: the server answered 400: rows 37 to 38"
    assert server.asked == 12  # 2 halves on each of log2(64) = 6 levels


def test_several_bad_rows_are_all_found() -> None:
    outcomes = isolate(Server(0, 1, 9), range(10), REFUSAL)
    assert [row for row, outcome in enumerate(outcomes) if isinstance(outcome, ServerRefusedError)] == [0, 1, 9]


def test_a_refusal_of_everything_is_soon_believed() -> None:
    server = Server(*range(64))
    assert isolate(server, range(64), REFUSAL) == [REFUSAL] * 64  # named by no row
    assert server.asked == 14  # 2 + 4 + 8 parts


def test_a_lost_server_is_no_rows_fault() -> None:
    def lost(part: range) -> list[int]:
        raise ServerUnreachableError("lost")

    with pytest.raises(ServerUnreachableError):
        isolate(lost, range(4), REFUSAL)
