"""Blocks of whole records: cut anywhere, they hold the same rows at the same lines."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest

from adclick.errors import DataError
from components.example_gen import csv_blocks
from components.example_gen.csv_blocks import (
    MAX_HEADER_BYTES,
    WHOLE_FILE,
    CsvBlock,
    Piece,
    plan_csv,
    read_pieces,
)
from components.example_gen.csv_records import find_records
from components.example_gen.spans import SpanFile

# what makes cutting hard: CRLF, blank lines, quoted newlines, doubled quotes, a cell of quotes, no newline at the end
AWKWARD = b'id,text\r\n1,plain\r\n2,"two\r\nlines"\r\n\r\n3,"say ""hi""\nagain"\n\n\n4,""\n5,"""\n"""\n6,end'
# lines by hand: 1 header, 2 "1", 3-4 "2", 5 blank, 6-7 "3", 8-9 blank, 10 "4", 11-12 "5", 13 "6"
LINES = [2, 3, 6, 10, 11, 13]


def deliver(folder: Path, content: bytes, name: str = "month.csv") -> SpanFile:
    file = folder / name
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return SpanFile(name, str(file))


def pieces_of(file: SpanFile, block_bytes: int) -> list[Piece]:
    return [piece for block in plan_csv(file, ",", block_bytes) for piece in read_pieces(block, ",", block_bytes)]


def rows_of(pieces: list[Piece]) -> list[list[str]]:
    texts = (io.StringIO(piece.data.decode(), newline="") for piece in pieces)
    return [row for text in texts for row in csv.reader(text) if row]


@pytest.mark.parametrize("name", ["month.csv", "month.csv.gz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("block_bytes", [*range(1, 40), 1000])
def test_any_block_size_gives_the_same_rows_and_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, mark: bytes, block_bytes: int
) -> None:
    monkeypatch.setattr(csv_blocks, "HEADER_CHUNK_BYTES", block_bytes)
    pieces = pieces_of(deliver(tmp_path, mark + AWKWARD, name), block_bytes)
    assert rows_of(pieces) == [
        ["1", "plain"],
        ["2", "two\r\nlines"],
        ["3", 'say "hi"\nagain'],
        ["4", ""],
        ["5", '"\n"'],
        ["6", "end"],
    ]
    assert [
        piece.first_line + int(line) for piece in pieces for line in find_records(piece.data, ord(","), final=True).line
    ] == LINES
    assert b"".join(piece.data for piece in pieces) == AWKWARD[len(b"id,text\r\n") :]


def test_small_blocks_are_many_and_large_ones_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = deliver(tmp_path, AWKWARD)
    monkeypatch.setattr(csv_blocks, "HEADER_CHUNK_BYTES", 1)
    blocks = plan_csv(file, ",", 1)
    assert [block.first_line for block in blocks] == [2, 3, 5, 6, 8, 9, 10, 11, 13]  # one a record or blank line
    file = deliver(tmp_path, AWKWARD + b"\n")
    (block,) = plan_csv(file, ",", 1000)
    assert block == CsvBlock(file, ("id", "text"), 9, len(AWKWARD) + 1, 2)


def test_a_compressed_file_is_one_block_read_in_pieces(tmp_path: Path) -> None:
    file = deliver(tmp_path, AWKWARD, "month.csv.gz")
    (block,) = plan_csv(file, ",", 1)
    assert (block.start, block.end, block.first_line) == (0, WHOLE_FILE, 2)
    rows = b"".join(b"%d,x\n" % number for number in range(40_000))  # more than the first 64 KiB read for the header
    file = deliver(tmp_path, b"id,text\n" + rows, "long.csv.gz")
    (block,) = plan_csv(file, ",", 1)
    pieces = list(read_pieces(block, ",", 1 << 16))
    assert len(pieces) > 2
    assert b"".join(piece.data for piece in pieces) == rows
    assert [piece.first_line for piece in pieces[1:]] == [
        2 + sum(piece.data.count(b"\n") for piece in pieces[:end]) for end in range(1, len(pieces))
    ]


def test_files_follow_each_other_each_with_its_own_header(tmp_path: Path) -> None:
    first = deliver(tmp_path, b"a,b\n1,2\n", "1.csv")
    second = deliver(tmp_path, b"b;c,a\n3,4\n", "2.csv")
    planned = [block for file in (first, second) for block in plan_csv(file, ",", 100)]
    assert [(block.file.path, block.header) for block in planned] == [
        ("1.csv", ("a", "b")),
        ("2.csv", ("b;c", "a")),
    ]


def test_header_names_lose_spaces_and_may_be_quoted_over_lines(tmp_path: Path) -> None:
    (block,) = plan_csv(deliver(tmp_path, b' a ;"b\nc"\n1;2\n'), ";", 100)
    assert block.header == ("a", "b\nc")
    assert block.first_line == 3


@pytest.mark.parametrize("tail", [b"", b"\n", b"\n\n\r\n"])
def test_a_header_without_rows_is_refused(tmp_path: Path, tail: bytes) -> None:
    file = deliver(tmp_path, b"a,b" + tail)
    with pytest.raises(DataError) as raised:
        plan_csv(file, ",", 100)
    assert str(raised.value) == (
        f"{file.uri}: has a header but no rows; deliver the file again or take it out of the folder"
    )


def test_a_compressed_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has a header but no rows"):
        plan_csv(deliver(tmp_path, b"a,b\n", "month.csv.gz"), ",", 100)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty (0 bytes); deliver the file again or take it out of the folder"),
        (b"\r\n \n", "holds no header; deliver the file again or take it out of the folder"),
        (b"\na,b\n1,2\n", "line 1: is blank; the first line must name the columns"),
        (b"\xef\xbb\xbf", "line 1: is blank; the first line must name the columns"),
        (b"a,\xe9\n1,2\n", "line 1: the header is not UTF-8 ("),
        (b"a,b\0\n1,2\n", "line 1: the header holds a NUL byte; deliver the file again, as UTF-8"),
        (
            b'a,"b\n1,2\n',
            f"line 1: the header's quotes do not match, or it does not end within {MAX_HEADER_BYTES} bytes; look for a",
        ),
        (
            b'a,"b"c\n1,2\n',
            f"line 1: the header's quotes do not match, or it does not end within {MAX_HEADER_BYTES} bytes; look for a",
        ),
        (
            b"a,b" * MAX_HEADER_BYTES,
            f"line 1: the header's quotes do not match, or it does not end within {MAX_HEADER_BYTES} bytes; look for a",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_told_with_its_file(tmp_path: Path, content: bytes, told: str) -> None:
    file = deliver(tmp_path, content)
    with pytest.raises(DataError) as raised:
        plan_csv(file, ",", 100)
    assert str(raised.value).startswith(f"{file.uri}: {told}")


def test_a_gzip_file_cut_short_is_told_when_its_end_is_reached(tmp_path: Path) -> None:
    file = deliver(tmp_path, b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(100_000)), "month.csv.gz")
    whole = Path(file.uri).read_bytes()
    Path(file.uri).write_bytes(whole[: len(whole) // 2])
    (block,) = plan_csv(file, ",", 100)
    with pytest.raises(DataError) as raised:
        list(read_pieces(block, ",", 1 << 16))
    assert str(raised.value) == (
        f"{file.uri}: is no whole gzip file (Compressed file ended before the end-of-stream marker was reached); "
        "deliver the file again"
    )


def test_a_gzip_name_on_another_file_is_told(tmp_path: Path) -> None:
    file = deliver(tmp_path, b"a,b\n1,2\n")
    renamed = Path(file.uri).rename(tmp_path / "month.csv.gz")
    with pytest.raises(DataError, match=r"month\.csv\.gz: is no whole gzip file \(Not a gzipped file"):
        plan_csv(SpanFile("month.csv.gz", str(renamed)), ",", 100)


@pytest.mark.parametrize("length", [1_001, 200_000])  # csv.reader may take no more than 131,072 characters
def test_a_first_line_that_is_one_endless_name_is_told(tmp_path: Path, length: int) -> None:
    file = deliver(tmp_path, b"x" * length + b"\n1\n")
    with pytest.raises(DataError, match=r"month.csv: line 1: is no header: .*data.delimiter ','"):
        plan_csv(file, ",", 1000)


@pytest.mark.parametrize("name", ["month.csv", "month.csv.gz"])
def test_blank_lines_are_no_rows(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: has a header but no rows"):
        plan_csv(deliver(tmp_path, b"id,text\n\n\r\n" + b"\n" * 100_000, name), ",", 1 << 20)
    assert rows_of(pieces_of(deliver(tmp_path, b"id,text\n" + b"\n" * 100_000 + b"1,a\n", name), 1000)) == [["1", "a"]]
