"""Which version a request means."""

from __future__ import annotations

import pytest

from serving.models.loader import LoadedModel
from serving.models.servable_table import Servable, ServableTable
from serving.request_error import RequestError


class Nothing:
    def close(self) -> None: ...


def table_of(*versions: int) -> ServableTable:
    table = ServableTable()
    for version in versions:
        table.publish(Servable("click", version, LoadedModel(Nothing(), {}, {})))
    return table


def answering(table: ServableTable, version: int | None) -> int:
    with table.acquire("click", version) as servable:
        return servable.version


def test_version_0_is_any_where_there_never_was_one() -> None:
    table = table_of(1, 3)
    assert [answering(table, version) for version in (None, 0, 1, 3)] == [3, 3, 1, 3]
    assert [status.version for status in table.statuses("click", 0)] == [3, 1]
    with pytest.raises(RequestError, match=r"Specific\(click, 2\)"):
        answering(table, 2)
    with pytest.raises(RequestError, match=r"Specific\(other, 0\)"), table.acquire("other", 0):
        pass
    with pytest.raises(RequestError, match="Could not find version 0 of model other"):
        table.statuses("other", 0)


def test_version_0_is_itself_where_there_is_or_was_one() -> None:
    table = table_of(0, 3)
    assert answering(table, 0) == 0
    assert [status.version for status in table.statuses("click", 0)] == [0]
    table.retire("click", 0)
    with pytest.raises(RequestError, match=r"Specific\(click, 0\)"):
        answering(table, 0)
