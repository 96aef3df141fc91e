"""What leaves the reader of personal columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adclick.privacy import KEY_VARIABLE, WITHHELD, hashed
from components.example_gen.driver import AdExampleGenDriver
from components.example_gen.private_rows import made_private
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import Reject
from components.example_gen.row_parsing import ParsedRows
from configs.features import FeatureTable
from configs.settings import Data

KEY = b"0123456789abcdef"
TABLE = FeatureTable.model_validate(
    [
        {"name": "user", "kind": "key", "pii": "hash"},
        {"name": "email", "kind": "categorical", "pii": "drop"},
        {"name": "site", "kind": "categorical"},
        {"name": "clicked", "kind": "label"},
    ]
)


def rows(rejects: list[Reject]) -> ParsedRows:
    columns = {
        "user": pa.array(["u1", None, "u2", "u1"]),
        "site": pa.array(["a", "b", None, "a"]),
        "clicked": pa.array([0, 1, 0, 0]),
    }
    return ParsedRows(4 + len(rejects), columns, np.arange(2, 6), rejects)


def test_values_become_hashes_and_missing_ones_stay_missing() -> None:
    private = made_private(rows([]), TABLE, KEY)
    one, two = hashed("user", b"u1", KEY), hashed("user", b"u2", KEY)
    assert private.columns["user"].to_pylist() == [one, None, two, one]
    assert private.columns["site"].to_pylist() == ["a", "b", None, "a"]


def test_rejects_keep_their_place_and_lose_private_values_and_whole_rows() -> None:
    found = made_private(
        rows(
            [
                Reject(7, "user", "u\\xff", RejectCode.NOT_UTF8),
                Reject(8, "", "u1,a", RejectCode.RAGGED_ROW),
                Reject(9, "clicked", "7", RejectCode.BAD_LABEL),
                Reject(10, "user", "", RejectCode.MISSING_REQUIRED),
            ]
        ),
        TABLE,
        KEY,
    )
    assert [(one.line, one.column, one.value) for one in found.rejects] == [
        (7, "user", WITHHELD),
        (8, "", WITHHELD),
        (9, "clicked", "7"),
        (10, "user", ""),
    ]


def test_a_dropped_column_alone_withholds_whole_rows_and_needs_no_key() -> None:
    table = FeatureTable.model_validate([entry for entry in TABLE.model_dump() if entry["name"] != "user"])
    given = rows([Reject(8, "", "u1,a", RejectCode.RAGGED_ROW)])
    assert made_private(given, table, None).rejects[0].value == WITHHELD
    assert made_private(given, table, None).columns == given.columns


def test_another_key_is_another_cache_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "month-1").mkdir()
    (tmp_path / "month-1" / "m.csv").write_text("user,site,clicked\nu1,a,0\n")
    properties = {"data": Data(root=str(tmp_path)).model_dump_json(), "features": TABLE.model_dump_json()}

    def observed(key: str) -> dict[str, str | int]:
        monkeypatch.setenv(KEY_VARIABLE, key)
        return AdExampleGenDriver.observe(AdExampleGenDriver.__new__(AdExampleGenDriver), {}, properties)

    first, again, other = observed("a" * 16), observed("a" * 16), observed("b" * 16)
    assert first == again != other
    assert "a" * 16 not in str(first)
