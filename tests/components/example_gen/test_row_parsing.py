"""Good rows to typed columns, each bad row to one reject with its line, column and value."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from components.example_gen.csv_blocks import Piece
from components.example_gen.csv_cells import read_csv_cells
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import MAX_VALUE_CHARACTERS, Reject
from components.example_gen.row_parsing import ParsedRows, parse_rows, parse_times
from configs.features import FeatureTable, Timestamp

ENTRIES: list[dict[str, Any]] = [
    {"name": "id", "kind": "key", "required": True},
    {"name": "time", "kind": "timestamp"},
    {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 130},
    {"name": "bid", "kind": "bucketized"},
    {"name": "note", "kind": "text"},
    {"name": "image", "kind": "image"},
    {"name": "weight", "kind": "weight"},
    {"name": "skipped", "kind": "ignore"},
    {"name": "clicked", "kind": "label"},
]
TABLE = FeatureTable.model_validate(ENTRIES)
HEADER = tuple(entry["name"] for entry in ENTRIES)
GOOD = {
    "id": "r1",
    "time": "2026-01-02T03:04:05Z",
    "age": "40",
    "bid": "1.5",
    "note": "big sale",
    "image": "images/a.png",
    "weight": "2",
    "skipped": "anything",
    "clicked": "1",
}
# 2026-01-02T03:04:05Z: 20,455 days after 1970-01-01, and 3 h 4 min 5 s
GOOD_SECONDS = 20_455 * 86_400 + 3 * 3_600 + 4 * 60 + 5


def line(**changes: str) -> bytes:
    return (",".join({**GOOD, **changes}.values()) + "\n").encode()


def parse(data: bytes, table: FeatureTable = TABLE, first_line: int = 2) -> ParsedRows:
    names = [feature.name for feature in table.written]
    return parse_rows(read_csv_cells(Piece(data, first_line), HEADER, names, ","), table)


def with_entry(**entry: Any) -> FeatureTable:
    return FeatureTable.model_validate([entry if old["name"] == entry["name"] else old for old in ENTRIES])


def test_a_good_row_becomes_typed_values() -> None:
    rows = parse(line())
    assert {name: column.to_pylist() for name, column in rows.columns.items()} == {
        "id": ["r1"],
        "time": [GOOD_SECONDS],
        "age": [40.0],
        "bid": [1.5],
        "note": ["big sale"],
        "image": ["images/a.png"],
        "weight": [2.0],
        "clicked": [1],
    }
    assert [str(column.type) for column in rows.columns.values()] == [
        "string",
        "int64",
        "float",
        "float",
        "string",
        "string",
        "float",
        "int64",
    ]
    assert rows.lines.tolist() == [2]
    assert (rows.read, rows.rejects) == (1, [])


def test_empty_optional_cells_are_missing_values() -> None:
    empty = dict.fromkeys(["time", "age", "bid", "note", "image", "weight"], "")
    rows = parse(line(**empty) + line(**dict.fromkeys(empty, '""')))
    assert rows.rejects == []
    assert all(rows.columns[name].to_pylist() == [None, None] for name in empty)


REJECTS: list[tuple[bytes, RejectCode, str, str]] = [
    (b"r1,2\n", RejectCode.RAGGED_ROW, "", "r1,2"),
    (line(clicked="1,9"), RejectCode.RAGGED_ROW, "", line(clicked="1,9").decode().strip()),
    (line(note="X").replace(b"X", b"caf\xe9"), RejectCode.NOT_UTF8, "note", "caf\\xe9"),
    (line(note='"never closed'), RejectCode.BAD_QUOTES, "", line(note='"never closed').decode().strip()),
    (line(note='"big" sale'), RejectCode.BAD_QUOTES, "", line(note='"big" sale').decode().strip()),
    (line(note="big\0sale"), RejectCode.NUL_BYTE, "note", "big\\x00sale"),
    ((",".join(HEADER) + "\r\n").encode(), RejectCode.REPEATED_HEADER, "", ""),
    ("\ufeff{}\n".format(", ".join(HEADER)).encode(), RejectCode.REPEATED_HEADER, "", ""),
    (line(clicked=""), RejectCode.MISSING_LABEL, "clicked", ""),
    (line(clicked="2"), RejectCode.BAD_LABEL, "clicked", "2"),
    (line(clicked="yes"), RejectCode.BAD_LABEL, "clicked", "yes"),
    (line(clicked="nan"), RejectCode.BAD_LABEL, "clicked", "nan"),
    (line(id=""), RejectCode.MISSING_REQUIRED, "id", ""),
    (line(age="forty"), RejectCode.BAD_NUMBER, "age", "forty"),
    (line(bid="1e400"), RejectCode.BAD_NUMBER, "bid", "1e400"),
    (line(bid="1e39"), RejectCode.BAD_NUMBER, "bid", "1e39"),  # float32 ends at 3.4e38
    (line(bid="nan"), RejectCode.BAD_NUMBER, "bid", "nan"),
    (line(bid="inf"), RejectCode.BAD_NUMBER, "bid", "inf"),
    (line(bid="-Infinity"), RejectCode.BAD_NUMBER, "bid", "-Infinity"),
    (line(bid="0x10"), RejectCode.BAD_NUMBER, "bid", "0x10"),
    (line(bid="1_000"), RejectCode.BAD_NUMBER, "bid", "1_000"),
    (line(bid='"1,5"'), RejectCode.BAD_NUMBER, "bid", "1,5"),
    (line(weight="heavy"), RejectCode.BAD_NUMBER, "weight", "heavy"),
    (line(age="-1"), RejectCode.OUT_OF_RANGE, "age", "-1"),
    (line(age="130.5"), RejectCode.OUT_OF_RANGE, "age", "130.5"),
    (line(weight="-0.1"), RejectCode.OUT_OF_RANGE, "weight", "-0.1"),
    (line(time="yesterday"), RejectCode.BAD_TIMESTAMP, "time", "yesterday"),
    (line(time="2026-02-30T00:00:00Z"), RejectCode.BAD_TIMESTAMP, "time", "2026-02-30T00:00:00Z"),
    (line(time="2026-01-01T00:00:60Z"), RejectCode.BAD_TIMESTAMP, "time", "2026-01-01T00:00:60Z"),
    (line(time="1767323045"), RejectCode.BAD_TIMESTAMP, "time", "1767323045"),
    *(
        (line(image=path), RejectCode.UNSAFE_IMAGE_PATH, "image", path)
        for path in ("/a.png", "../a.png", "a/../../b.png", "..", "http://x/a.png", "C:a.png", "a\\b.png", "gs://b/a")
    ),
]


@pytest.mark.parametrize(("bad", "code", "column", "value"), REJECTS)
def test_a_bad_row_is_told_by_line_column_and_value(bad: bytes, code: RejectCode, column: str, value: str) -> None:
    rows = parse(line() + b"\n" + bad + line(id="r3"))
    assert rows.rejects == [Reject(4, column, value, code)]  # 2: good, 3: blank, 4: bad, 5: good
    assert rows.columns["id"].to_pylist() == ["r1", "r3"]
    assert rows.lines.tolist() == [2, 5]
    assert rows.read == 3


def test_every_code_has_its_bad_row() -> None:
    assert {code for _, code, _, _ in (*REJECTS, *COUNT_REJECTS)} == set(RejectCode)


def test_a_row_counts_under_the_first_code_in_order() -> None:
    everything = line(clicked="2", id="", age="x", bid="inf", time="x", image="/x", weight="-1")
    assert parse(everything).rejects == [Reject(2, "clicked", "2", RejectCode.BAD_LABEL)]
    assert parse(line(age="x", weight="-1")).rejects == [Reject(2, "age", "x", RejectCode.BAD_NUMBER)]


def test_rows_in_are_rows_out_and_rejects() -> None:
    bad = b"".join(row for row, *_ in REJECTS)
    rows = parse((line() + bad) * 3 + line())
    assert len(rows.lines) == 4
    assert len(rows.rejects) == 3 * len(REJECTS)
    assert rows.read == 4 + 3 * len(REJECTS)
    assert sorted([*rows.lines.tolist(), *(reject.line for reject in rows.rejects)]) == list(range(2, 2 + rows.read))


@pytest.mark.parametrize(
    ("text", "number"),
    [(" 3 ", 3.0), ("\t3", 3.0), ("+3", 3.0), ("-.5", -0.5), ("5.", 5.0), ("1e2", 100.0), ("1E-2", 0.01), ("-0", 0.0)],
)
def test_numbers_as_people_and_tools_write_them(text: str, number: float) -> None:
    assert parse(line(bid=text)).columns["bid"].to_pylist() == [pytest.approx(number)]


@pytest.mark.parametrize("text", ["1", "1.0", " 1 ", "+1"])
def test_a_label_may_be_written_as_a_number(text: str) -> None:
    assert parse(line(clicked=text)).columns["clicked"].to_pylist() == [1]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05",
        " 2026-01-02T03:04:05Z ",
        "2026-01-02T05:34:05+02:30",  # 05:34:05 − 02:30 = 03:04:05
        "2026-01-01T22:04:05-05:00",
        "2026-01-02T03:04:05.250Z",
        "2026-01-02T03:04:05.999999",
    ],
)
def test_iso_times_with_and_without_offset(text: str) -> None:
    assert parse(line(time=text)).columns["time"].to_pylist() == [GOOD_SECONDS]


def test_a_leap_day_and_a_bare_date() -> None:
    rows = parse(line(time="2028-02-29T00:00:00Z") + line(time="2028-02-29"))
    expected = int(datetime.datetime(2028, 2, 29, tzinfo=datetime.timezone.utc).timestamp())
    assert rows.columns["time"].to_pylist() == [expected, expected]


UNIX = with_entry(name="time", kind="timestamp", format="unix_s")


def test_unix_seconds() -> None:
    rows = parse(line(time="1767323045") + line(time=" 12 ") + line(time="-5") + line(time=""), UNIX)
    assert rows.columns["time"].to_pylist() == [GOOD_SECONDS, 12, -5, None]


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "1767323045.0", "1_000", "9" * 30, "٣", "-"])
def test_what_is_no_unix_second_is_rejected(text: str) -> None:
    rows = parse(line(time="1") + line(time=text), UNIX)
    assert rows.rejects == [Reject(3, "time", text, RejectCode.BAD_TIMESTAMP)]


def test_bounds_themselves_are_within() -> None:
    table = with_entry(name="age", kind="numeric", minimum=0.1, maximum=0.3)
    rows = parse(line(age="0.1") + line(age="0.3") + line(age="0.30001"), table)
    assert [reject.value for reject in rows.rejects] == ["0.30001"]


def test_quotes_within_a_cell_do_not_move_the_lines() -> None:
    """Arrow takes a quote within a cell as text; counting quotes would take the next newline into the cell."""
    rows = parse(line(note='5" tv') + line(note='"two\nlines"') + line(id="r3", age="x"))
    assert rows.columns["note"].to_pylist() == ['5" tv', "two\nlines"]
    assert rows.rejects == [Reject(5, "age", "x", RejectCode.BAD_NUMBER)]


def test_a_ragged_row_that_is_not_utf8_leaves_the_others_alone() -> None:
    rows = parse(line(note="é") + b"caf\xe9,1\n" + line(note="X").replace(b"X", b"\xe9") + line(id="last"))
    assert rows.rejects == [
        Reject(3, "", "caf\\xe9,1", RejectCode.RAGGED_ROW),
        Reject(4, "note", "\\xe9", RejectCode.NOT_UTF8),
    ]
    assert rows.columns["note"].to_pylist() == ["é", "big sale"]


def test_a_long_cell_with_a_quote_beside_a_ragged_row_is_read() -> None:
    long = 'x"' + "y" * 200_000  # csv.reader takes 131,072 characters
    cells = read_csv_cells(Piece(f'1,{long}\n1\n2,{long},3\n4,"5,"\n'.encode(), 2), ["a", "b"], ["b"], ",")
    assert cells.columns["b"].to_pylist() == [long.encode(), b"5,"]
    assert [(reject.line, reject.code) for reject in cells.rejects] == [
        (3, RejectCode.RAGGED_ROW),
        (4, RejectCode.RAGGED_ROW),
    ]


def test_a_piece_of_blank_lines_has_no_rows() -> None:
    rows = parse(b"\n\r\n")
    assert (rows.read, len(rows.lines), rows.rejects) == (0, 0, [])


def test_parse_times_gives_the_valid_ones_in_order() -> None:
    data = line(time="1970-01-01T00:01:00Z") + line(time="x") + b"ragged\n" + line(time="") + line(time="1970-01-01")
    timestamp = TABLE.timestamp
    assert isinstance(timestamp, Timestamp)
    times = parse_times(read_csv_cells(Piece(data, 2), HEADER, ["time"], ","), timestamp)
    assert times.dtype == np.int64
    assert times.tolist() == [60, 0]


def test_a_long_value_is_cut_in_its_reject() -> None:
    (reject,) = parse(line(age="9" * 2_000 + "x")).rejects
    assert reject.value == "9" * MAX_VALUE_CHARACTERS + "…"


COUNTS = FeatureTable.model_validate(
    [
        {"name": "device", "kind": "categorical"},
        {"name": "shown", "kind": "weight"},
        {"name": "clicks", "kind": "label", "impressions": "shown"},
    ]
)


def aggregated(*rows: str) -> ParsedRows:
    piece = Piece("".join(f"{row}\n" for row in rows).encode(), 2)
    names = [feature.name for feature in COUNTS.written]
    return parse_rows(read_csv_cells(piece, names, names, ","), COUNTS)


def test_clicks_and_impressions_become_a_rate_and_its_weight() -> None:
    """3 of 8; none of 5; a row of no impressions counts nothing; numbers as tools write them."""
    rows = aggregated("phone,8,3", "tv,5,0", "tv,0,0", "tv,2e3,500.0")
    assert (rows.read, rows.rejects) == (4, [])
    assert rows.columns["clicks"].to_pylist() == [0.375, 0.0, 0.0, 0.25]
    assert rows.columns["shown"].to_pylist() == [8.0, 5.0, 0.0, 2000.0]
    assert [str(rows.columns[name].type) for name in ("clicks", "shown")] == ["float", "float"]


COUNT_REJECTS: list[tuple[str, RejectCode, str, str]] = [
    ("tv,5,", RejectCode.MISSING_LABEL, "clicks", ""),
    ("tv,5,-1", RejectCode.BAD_LABEL, "clicks", "-1"),
    ("tv,5,0.5", RejectCode.BAD_LABEL, "clicks", "0.5"),
    ("tv,5,some", RejectCode.BAD_LABEL, "clicks", "some"),
    ("tv,5,inf", RejectCode.BAD_LABEL, "clicks", "inf"),
    ("tv,,1", RejectCode.BAD_IMPRESSIONS, "shown", ""),
    ("tv,-5,0", RejectCode.BAD_IMPRESSIONS, "shown", "-5"),
    ("tv,5.5,1", RejectCode.BAD_IMPRESSIONS, "shown", "5.5"),
    ("tv,many,1", RejectCode.BAD_IMPRESSIONS, "shown", "many"),
    ("tv,5,6", RejectCode.TOO_MANY_CLICKS, "clicks", "6"),
    ("tv,0,1", RejectCode.TOO_MANY_CLICKS, "clicks", "1"),
    ("tv,1e39,1", RejectCode.BAD_NUMBER, "shown", "1e39"),
]


@pytest.mark.parametrize(("bad", "code", "column", "value"), COUNT_REJECTS)
def test_counts_that_cannot_be_are_told(bad: str, code: RejectCode, column: str, value: str) -> None:
    rows = aggregated("phone,8,3", bad, "tv,5,0")
    assert rows.rejects == [Reject(3, column, value, code)]
    assert (rows.read, rows.lines.tolist()) == (3, [2, 4])
