"""Parquet rows meet the rules and codes of CSV; a block is a row group."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adclick.errors import DataError
from components.example_gen.blocks import plan_blocks, read_cells
from components.example_gen.parquet_blocks import read_parquet_cells
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import Reject
from components.example_gen.row_parsing import ParsedRows, parse_rows
from components.example_gen.spans import SpanFile
from configs.features import FeatureTable

ENTRIES: list[dict[str, Any]] = [
    {"name": "id", "kind": "key", "required": True},
    {"name": "time", "kind": "timestamp"},
    {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 130},
    {"name": "bid", "kind": "numeric"},
    {"name": "device", "kind": "categorical"},
    {"name": "image", "kind": "image"},
    {"name": "clicked", "kind": "label"},
]
TABLE = FeatureTable.model_validate(ENTRIES)
UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, 999_999, UTC)
NOON_S = int(datetime.datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp())


def columns(rows: int, **changes: pa.Array) -> dict[str, pa.Array]:
    sound = {
        "id": pa.array([f"r{number}" for number in range(1, rows + 1)]),
        "time": pa.array([NOON] * rows, pa.timestamp("us", tz="UTC")),
        "age": pa.array([40] * rows, pa.int32()),
        "bid": pa.array([1.5] * rows),
        "device": pa.array(["phone"] * rows),
        "image": pa.array(["a.png"] * rows),
        "clicked": pa.array([True] * rows),
    }
    return {**sound, **changes}


def deliver(folder: Path, content: dict[str, pa.Array], row_group_size: int = 1000) -> SpanFile:
    file = folder / "m.parquet"
    pq.write_table(pa.table(content), file, row_group_size=row_group_size)
    return SpanFile(file.name, str(file), 4)


def parse(folder: Path, table: FeatureTable = TABLE, **changes: pa.Array) -> ParsedRows:
    rows = len(next(iter(changes.values()), [None]))
    (block,) = plan_blocks([deliver(folder, columns(rows, **changes))], table, ",", 100)
    (cells,) = read_cells(block, [feature.name for feature in table.written], ",", 100)
    return parse_rows(cells, table)


def test_typed_columns_become_the_table_s_types(tmp_path: Path) -> None:
    rows = parse(tmp_path)
    assert {name: column.to_pylist() for name, column in rows.columns.items()} == {
        "id": ["r1"],
        "time": [NOON_S],
        "age": [40.0],
        "bid": [1.5],
        "device": ["phone"],
        "image": ["a.png"],
        "clicked": [1],
    }
    assert [str(column.type) for column in rows.columns.values()] == [
        "string",
        "int64",
        "float",
        "float",
        "string",
        "string",
        "int64",
    ]
    assert (rows.read, rows.rejects) == (1, [])


def test_a_block_is_a_row_group_and_lines_are_row_numbers(tmp_path: Path) -> None:
    ages = pa.array([40, 40, -1, 40, 40, 131, 40])
    file = deliver(tmp_path, columns(7, age=ages, other=pa.array(range(7))), row_group_size=3)
    blocks = plan_blocks([file], TABLE, ",", 100)
    assert [(block.file.span, block.first_line) for block in blocks] == [(4, 1), (4, 4), (4, 7)]
    rows = [parse_rows(cells, TABLE) for block in blocks for cells in read_parquet_cells(block, list(columns(0)), 2)]
    assert [line for part in rows for line in part.lines.tolist()] == [1, 2, 4, 5, 7]
    assert [reject for part in rows for reject in part.rejects] == [
        Reject(3, "age", "-1", RejectCode.OUT_OF_RANGE),
        Reject(6, "age", "131", RejectCode.OUT_OF_RANGE),
    ]


FAULTS = [
    ("clicked", pa.array([2], pa.int8()), RejectCode.BAD_LABEL, "2"),
    ("clicked", pa.array([0.5]), RejectCode.BAD_LABEL, "0.5"),
    ("clicked", pa.array(["yes"]), RejectCode.BAD_LABEL, "yes"),
    ("clicked", pa.array([None], pa.bool_()), RejectCode.MISSING_LABEL, ""),
    ("clicked", pa.nulls(1), RejectCode.MISSING_LABEL, ""),
    ("id", pa.array([""]), RejectCode.MISSING_REQUIRED, ""),
    ("id", pa.array([None], pa.string()), RejectCode.MISSING_REQUIRED, ""),
    ("id", pa.array(["a\0b"]), RejectCode.NUL_BYTE, "a\\x00b"),
    ("device", pa.array([b"\xff"], pa.binary()), RejectCode.NOT_UTF8, "\\xff"),
    ("age", pa.array([float("nan")]), RejectCode.BAD_NUMBER, "nan"),
    ("age", pa.array([1e300]), RejectCode.BAD_NUMBER, "1e+300"),
    ("age", pa.array(["forty"]), RejectCode.BAD_NUMBER, "forty"),
    ("age", pa.array([-1.0], pa.float32()), RejectCode.OUT_OF_RANGE, "-1.0"),
    ("age", pa.array([decimal.Decimal("130.5")]), RejectCode.OUT_OF_RANGE, "130.5"),
    ("time", pa.array(["soon"]), RejectCode.BAD_TIMESTAMP, "soon"),
    ("time", pa.array([NOON_S]), RejectCode.BAD_TIMESTAMP, str(NOON_S)),  # the table says ISO 8601
    ("image", pa.array(["../a.png"]), RejectCode.UNSAFE_IMAGE_PATH, "../a.png"),
]


@pytest.mark.parametrize(("name", "cells", "code", "value"), FAULTS)
def test_bad_cells_have_the_codes_of_csv(
    tmp_path: Path, name: str, cells: pa.Array, code: RejectCode, value: str
) -> None:
    assert parse(tmp_path, **{name: cells}).rejects == [Reject(1, name, value, code)]


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("clicked", pa.array([0, 1], pa.uint8()), [0, 1]),
        ("clicked", pa.array([0.0, 1.0]), [0, 1]),
        ("clicked", pa.array(["0", "1"]), [0, 1]),
        ("age", pa.array([1.5, None]), [1.5, None]),
        ("age", pa.array(["1.5", ""]), [1.5, None]),
        ("age", pa.array([decimal.Decimal("1.5"), None]), [1.5, None]),
        ("age", pa.array([True, False]), [1.0, 0.0]),
        ("bid", pa.array([2**53 + 1, 2**63 - 1]), [2.0**53, 2.0**63]),  # the nearest 32-bit numbers
        ("bid", pa.array([2**64 - 1, None], pa.uint64()), [2.0**64, None]),
        ("device", pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        ("device", pa.array(["a", ""], pa.large_string()), ["a", None]),
        ("device", pa.array([b"a", None], pa.binary()), ["a", None]),
        ("device", pa.array([7, None]), ["7", None]),
        ("device", pa.array([decimal.Decimal("7.50"), None]), ["7.50", None]),
        ("device", pa.array([decimal.Decimal("0.00000001"), None]), ["0.00000001", None]),
        ("time", pa.array([NOON, None], pa.timestamp("ns")), [NOON_S, None]),
        ("time", pa.array([-1, 1_999], pa.timestamp("ms")), [-1, 1]),  # cut off downwards: −0.001 s lies in second −1
        ("time", pa.array([datetime.date(1970, 1, 2), None]), [86_400, None]),
        ("time", pa.array(["1970-01-02", None]), [86_400, None]),
    ],
)
def test_types_that_hold_a_feature(tmp_path: Path, name: str, cells: pa.Array, expected: list[Any]) -> None:
    rows = parse(tmp_path, **{name: cells})
    assert rows.rejects == []
    assert rows.columns[name].to_pylist() == expected


def test_unix_seconds_as_numbers(tmp_path: Path) -> None:
    table = FeatureTable.model_validate(
        [{**one, "format": "unix_s"} if one["name"] == "time" else one for one in ENTRIES]
    )
    rows = parse(tmp_path, table, time=pa.array([5.0, None, 5.5, np.nan, 1e30]))
    assert rows.columns["time"].to_pylist() == [5, None]
    assert [(reject.line, reject.value) for reject in rows.rejects] == [(3, "5.5"), (4, "nan"), (5, "1e+30")]
    assert parse(tmp_path, table, time=pa.array([7, -7])).columns["time"].to_pylist() == [7, -7]


@pytest.mark.parametrize(
    ("name", "cells", "type_told"),
    [("device", pa.array([["a"]]), "list<item: string>"), ("age", pa.array([NOON]), "timestamp[us, tz=UTC]")],
)
def test_a_type_of_no_use_stops_the_run(tmp_path: Path, name: str, cells: pa.Array, type_told: str) -> None:
    with pytest.raises(DataError) as raised:
        parse(tmp_path, **{name: cells})
    assert f"m.parquet: column {name!r} has type {type_told}, which a feature of kind" in str(raised.value)


def test_files_that_are_no_parquet_or_empty_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m\.parquet: has no rows; deliver the file again"):
        parse(
            tmp_path, id=pa.array([], pa.string()), **{name: pa.array([], pa.string()) for name in list(columns(0))[1:]}
        )
    (tmp_path / "m.parquet").write_bytes(b"id,clicked\n1,0\n")
    with pytest.raises(DataError, match=r"m\.parquet: is no whole Parquet file"):
        plan_blocks([SpanFile("m.parquet", str(tmp_path / "m.parquet"))], TABLE, ",", 100)
