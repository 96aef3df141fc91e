"""Cuts CSV files into blocks of whole rows, so that workers parse them side by side and every row knows its line."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple, cast

from adclick.errors import DataError
from adclick.filesystem import open_binary
from components.example_gen.csv_records import find_records, scan_record
from components.example_gen.spans import SpanFile

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WHOLE_FILE = -1
HEADER_CHUNK_BYTES = 1 << 16
MAX_HEADER_BYTES = 1 << 20
MAX_NAME_CHARACTERS = 1000


class CsvBlock(NamedTuple):
    """Whole rows of one file."""

    file: SpanFile
    header: tuple[str, ...]
    start: int
    """First byte; 0 in a compressed file, which is one block."""
    end: int
    """Byte after the last; WHOLE_FILE in a compressed file."""
    first_line: int
    """Line number, from 1, at which the block starts."""


class Piece(NamedTuple):
    """Whole rows in memory."""

    data: bytes
    first_line: int


def plan_csv(file: SpanFile, delimiter: str, block_bytes: int) -> list[CsvBlock]:
    """Blocks of about `block_bytes` each, in file order. Raises DataError for a file without header or rows."""
    with _open(file) as stream:
        start, header, first_line, rest = _read_header(file, stream, delimiter)
        if _is_compressed(file):
            while not rest.strip(b"\r\n") and (rest := stream.read(HEADER_CHUNK_BYTES)):
                pass  # blank lines are no rows
            _require_rows(file, rest)
            return [CsvBlock(file, header, 0, WHOLE_FILE, first_line)]
        blocks, rows = [], False
        for piece in _pieces(stream, rest, first_line, delimiter, block_bytes):
            blocks.append(CsvBlock(file, header, start, start + len(piece.data), piece.first_line))
            start += len(piece.data)
            rows = rows or bool(piece.data.strip(b"\r\n"))
    _require_rows(file, rows)
    return blocks


def read_pieces(block: CsvBlock, delimiter: str, piece_bytes: int) -> Iterator[Piece]:
    """The block's rows; a compressed file comes in pieces of about `piece_bytes`."""
    if block.end != WHOLE_FILE:
        with open_binary(block.file.uri) as stream:
            stream.seek(block.start)
            yield Piece(stream.read(block.end - block.start), block.first_line)
        return
    with _open(block.file) as stream:
        _, _, first_line, rest = _read_header(block.file, stream, delimiter)
        yield from _pieces(stream, rest, first_line, delimiter, piece_bytes)


def _require_rows(file: SpanFile, rows: object) -> None:
    if not rows:
        raise DataError(f"{file.uri}: has a header but no rows; deliver the file again or take it out of the folder")


def _pieces(stream: IO[bytes], rest: bytes, first_line: int, delimiter: str, piece_bytes: int) -> Iterator[Piece]:
    """Cuts a stream after the last row that is whole within each `piece_bytes`."""
    pending, line = rest, first_line
    while True:
        more = stream.read(piece_bytes)
        data = pending + more
        if not more:
            if data.strip(b"\r\n"):
                yield Piece(data, line)
            return
        records = find_records(data, ord(delimiter), final=False)
        if records.consumed:
            yield Piece(data[: records.consumed], line)
        line += records.consumed_lines
        pending = data[records.consumed :]


def _read_header(file: SpanFile, stream: IO[bytes], delimiter: str) -> tuple[int, tuple[str, ...], int, bytes]:
    """Bytes before the first row, column names, line number of the first row, and what was read beyond the header."""
    data, start = b"", 0
    while True:
        more = stream.read(HEADER_CHUNK_BYTES)
        data += more
        if not data.strip():
            if not more:
                size = "is empty (0 bytes)" if not data else "holds no header"
                raise DataError(f"{file.uri}: {size}; deliver the file again or take it out of the folder")
            continue
        if more and len(data) < len(BYTE_ORDER_MARK):
            continue
        start = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        end, readable = scan_record(data, start, ord(delimiter), final=not more)
        if not readable or (end is None and len(data) > MAX_HEADER_BYTES):
            raise DataError(
                f"{file.uri}: line 1: the header's quotes do not match, or it does not end within "
                f"{MAX_HEADER_BYTES} bytes; look for a quote that is not closed"
            )
        if end is not None:
            names = _parse_header(file, data[start:end], delimiter)
            return end, names, 1 + _count_lines(data[:end]), data[end:]


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _parse_header(file: SpanFile, header: bytes, delimiter: str) -> tuple[str, ...]:
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file.uri}: line 1: the header is not UTF-8 ({error}); save the file as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{file.uri}: line 1: the header holds a NUL byte; deliver the file again, as UTF-8")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = tuple(name.strip() for name in next(reader, []))
    except csv.Error:  # a name longer than csv.field_size_limit()
        names = (text,)
    if max(map(len, names), default=0) > MAX_NAME_CHARACTERS:
        raise DataError(
            f"{file.uri}: line 1: is no header: it holds a name of more than {MAX_NAME_CHARACTERS} characters; "
            f"the first line must name the columns, with data.delimiter {delimiter!r} between them"
        )
    if not any(names):
        raise DataError(f"{file.uri}: line 1: is blank; the first line must name the columns")
    return names


def _is_compressed(file: SpanFile) -> bool:
    return file.path.endswith(".gz")


@contextlib.contextmanager
def _open(file: SpanFile) -> Iterator[IO[bytes]]:
    with open_binary(file.uri) as stream:
        if not _is_compressed(file):
            yield stream
            return
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{file.uri}: is no whole gzip file ({error}); deliver the file again") from None
