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


def test_no_version_is_the_newest_and_0_is_a_version_like_any_other() -> None:
    """ovmsclient sends 0 unless told a version: TF Serving answers NOT_FOUND to that, and so does this server."""
    table = table_of(1, 3)
    assert [answering(table, version) for version in (None, 1, 3)] == [3, 1, 3]
    for version in (0, 2):
        with pytest.raises(RequestError, match=rf"Specific\(click, {version}\)"):
            answering(table, version)
        with pytest.raises(RequestError, match=f"Could not find version {version} of model click"):
            table.statuses("click", version)
    assert answering(table_of(0, 3), 0) == 0
