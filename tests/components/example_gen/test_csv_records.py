"""Rows of CSV bytes: the vectorised way, row by row and in streams they are the same, and a stray quote costs a row."""

from __future__ import annotations

import csv
import io
import random

import pytest

from components.example_gen import csv_records
from components.example_gen.csv_records import MAX_QUOTED_BYTES, MAX_QUOTED_LINES, find_records, scan_record

COMMA = ord(",")
Row = tuple[int, int, int, bool]
MARKS = ['"', '"', '"', ",", ",", "a", "b", "\n", "\n", "\r", "\r\n"]


def vectorised(data: bytes) -> list[Row]:
    found = find_records(data, COMMA, final=True)
    return list(zip(*(each.tolist() for each in found[:4]), strict=True))


def row_by_row(data: bytes) -> list[Row]:
    rows, start = [], 0
    while start < len(data):
        end, readable = scan_record(data, start, COMMA, final=True)
        assert end is not None
        if data[start] not in b"\r\n":
            line = data.count(b"\n", 0, start) + data.count(b"\r", 0, start) - data.count(b"\r\n", 0, start)
            rows.append((start, end, line, not readable))
        start = end
    return rows


def by_python(data: bytes) -> list[Row]:
    lines = io.StringIO(data.decode(), newline="").readlines()
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    rows, at = [], 0
    while at < len(lines):
        reader = csv.reader(lines[at:], strict=True)
        try:
            next(reader)
            taken, bad = reader.line_num, False
        except csv.Error:
            taken, bad = 1, True
        if lines[at].strip("\r\n"):
            rows.append((starts[at], starts[at + taken], at, bad))
        at += taken
    return rows


def streamed(data: bytes, step: int) -> list[Row]:
    rows, pending, offset, line = [], b"", 0, 0
    for position in range(0, len(data) + step, step):
        final = position + step >= len(data) + step or position >= len(data)
        pending += data[position : position + step]
        found = find_records(pending, COMMA, final)
        columns = zip(found.start.tolist(), found.end.tolist(), found.line.tolist(), found.bad_quotes, strict=True)
        rows += [(start + offset, end + offset, number + line, bool(bad)) for start, end, number, bad in columns]
        offset, line, pending = offset + found.consumed, line + found.consumed_lines, pending[found.consumed :]
    assert pending == b""
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_all_ways_agree_on_random_marks(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(400):
        monkeypatch.setattr(csv_records, "_ROWS_ONE_BY_ONE", rng.choice([1, 2, 64]))
        data = "".join(rng.choices(MARKS, k=rng.randint(1, 30))).encode()
        expected = by_python(data)
        assert vectorised(data) == expected, data
        assert row_by_row(data) == expected, data
        assert streamed(data, rng.randint(1, 9)) == expected, data


@pytest.mark.parametrize("note", ['"stray', 'a "stray"', '"stray" x', '5" tv'])
@pytest.mark.parametrize("other", ["plain", '"quoted, ""cell"""', ""])
def test_a_stray_quote_costs_one_row_at_most(note: str, other: str) -> None:
    """10,000 rows are far more than the lines that a quoted cell may have."""
    lines = [f"{number},{other},1\n" for number in range(10_000)]
    lines[7] = f"7,{note},1\n"
    lines[5_000] = f"5000,{note},1\n"
    rows = vectorised("".join(lines).encode())
    assert [line for _, _, line, _ in rows] == list(range(10_000))
    assert [line for _, _, line, bad in rows if bad] == ([7, 5_000] if note.startswith('"') else [])


@pytest.mark.parametrize(
    ("cell", "readable"),
    [
        ("y\n" * MAX_QUOTED_LINES, True),
        ("y\n" * (MAX_QUOTED_LINES + 1), False),
        ("\r\n" * MAX_QUOTED_LINES, True),
        ("\r\n" * (MAX_QUOTED_LINES + 1), False),
        ("y" * (MAX_QUOTED_BYTES - 2), True),  # the two quotes count
        ("y" * (MAX_QUOTED_BYTES - 1), False),
        ('""' * (MAX_QUOTED_BYTES // 2 - 1), True),
        ('""' * (MAX_QUOTED_BYTES // 2), False),
    ],
)
def test_a_quoted_cell_has_a_limit(cell: str, readable: bool) -> None:
    data = f'1,"{cell}",x\n2,"b",y\n'.encode()
    rows = vectorised(data)
    assert (not rows[0][3]) == readable
    assert rows == row_by_row(data) == streamed(data, 300_000)
    assert rows[-1][:2] == (len(data) - len(b'2,"b",y\n'), len(data))


def test_what_is_not_whole_yet_waits() -> None:
    for data in (b"1,2", b'1,"2\n3', b'1,"2"', b"1,2\r", b'1,"2""\n'):
        found = find_records(b"0,0\n" + data, COMMA, final=False)
        assert found.end.tolist() == [4]
        assert (found.consumed, found.consumed_lines) == (4, 1)
