"""Cuts CSV files into blocks of whole records, so that workers parse them side by side and every row knows its line.

Records follow RFC 4180: a newline within quotes belongs to the cell. A record ends at a newline before which the number
of quotes is even; doubled quotes keep that count right.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from adclick.errors import DataError
from adclick.filesystem import DataFile, open_binary

NEWLINE, QUOTE = 10, 34
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WHOLE_FILE = -1
HEADER_CHUNK_BYTES = 1 << 16
MAX_HEADER_BYTES = 1 << 20


class CsvBlock(NamedTuple):
    """Whole records of one file."""

    file: DataFile
    header: tuple[str, ...]
    start: int
    """First byte; 0 in a compressed file, which is one block."""
    end: int
    """Byte after the last; WHOLE_FILE in a compressed file."""
    first_line: int
    """Line number, from 1, at which the block starts."""
    span: int = 0


class Piece(NamedTuple):
    """Whole records in memory."""

    data: bytes
    first_line: int


def plan_blocks(files: Sequence[DataFile], delimiter: str, block_bytes: int) -> list[CsvBlock]:
    """Blocks of about `block_bytes` each, in file order. Raises DataError for a file without header or rows."""
    return [block for file in files for block in _plan_file(file, delimiter, block_bytes)]


def read_pieces(block: CsvBlock, piece_bytes: int) -> Iterator[Piece]:
    """The block's records; a compressed file comes in pieces of about `piece_bytes`."""
    if block.end != WHOLE_FILE:
        with open_binary(block.file.uri) as stream:
            stream.seek(block.start)
            yield Piece(stream.read(block.end - block.start), block.first_line)
        return
    with _open(block.file) as stream:
        _, first_line, rest = _read_header(block.file, stream)
        yield from _pieces(stream, rest, first_line, piece_bytes)


def record_lines(piece: Piece) -> npt.NDArray[np.int64]:
    """Line number of each record of the piece, blank lines left out. Shape [records]."""
    content = np.frombuffer(piece.data, np.uint8)
    newline = np.flatnonzero(content == NEWLINE)
    ends = newline[_outside_quotes(content, newline)]
    if len(content) and (not len(ends) or ends[-1] != len(content) - 1):
        ends = np.append(ends, len(content))
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    lines = piece.first_line + np.searchsorted(newline, starts)
    length = ends - starts
    blank = (length == 0) | ((length == 1) & (content[np.minimum(starts, len(content) - 1)] == 13))
    return np.asarray(lines[~blank], np.int64)


def _plan_file(file: DataFile, delimiter: str, block_bytes: int) -> list[CsvBlock]:
    with _open(file) as stream:
        header_bytes, first_line, rest = _read_header(file, stream)
        header = _parse_header(file, header_bytes, delimiter)
        if _is_compressed(file):
            _require_rows(file, rest or stream.read(1))
            return [CsvBlock(file, header, 0, WHOLE_FILE, first_line)]
        blocks = []
        start = len(header_bytes)
        for piece in _pieces(stream, rest, first_line, block_bytes):
            blocks.append(CsvBlock(file, header, start, start + len(piece.data), piece.first_line))
            start += len(piece.data)
    _require_rows(file, blocks)
    return blocks


def _require_rows(file: DataFile, rows: object) -> None:
    if not rows:
        raise DataError(f"{file.uri}: has a header but no rows; deliver the file again or take it out of the folder")


def _pieces(stream: IO[bytes], rest: bytes, first_line: int, piece_bytes: int) -> Iterator[Piece]:
    """Cuts a stream after the last record that ends within each `piece_bytes`."""
    pending, line = rest, first_line
    while True:
        more = stream.read(piece_bytes)
        data = pending + more
        if not more:
            if data.strip(b"\r\n"):
                yield Piece(data, line)
            return
        content = np.frombuffer(data, np.uint8)
        newline = np.flatnonzero(content == NEWLINE)
        ends = newline[_outside_quotes(content, newline)]
        if not len(ends):
            pending = data
            continue
        cut = int(ends[-1]) + 1
        yield Piece(data[:cut], line)
        line += int(np.searchsorted(newline, cut))
        pending = data[cut:]


def _outside_quotes(content: npt.NDArray[np.uint8], positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    quotes = np.flatnonzero(content == QUOTE)
    return np.asarray(np.searchsorted(quotes, positions) % 2 == 0, np.bool_)


def _read_header(file: DataFile, stream: IO[bytes]) -> tuple[bytes, int, bytes]:
    """Bytes of the header record, line number of the first row, and what was read beyond the header."""
    data = b""
    while True:
        more = stream.read(HEADER_CHUNK_BYTES)
        data += more
        if not data.strip():
            if not more:
                size = "is empty (0 bytes)" if not data else "holds no header"
                raise DataError(f"{file.uri}: {size}; deliver the file again or take it out of the folder")
            continue
        content = np.frombuffer(data, np.uint8)
        newline = np.flatnonzero(content == NEWLINE)
        ends = newline[_outside_quotes(content, newline)]
        if not len(ends) and len(data) > MAX_HEADER_BYTES:
            raise DataError(
                f"{file.uri}: line 1: the header does not end within {MAX_HEADER_BYTES} bytes; "
                "look for a quote that is not closed"
            )
        if len(ends) or not more:
            cut = int(ends[0]) + 1 if len(ends) else len(data)
            return data[:cut], 1 + int(np.searchsorted(newline, cut)), data[cut:]


def _parse_header(file: DataFile, header: bytes, delimiter: str) -> tuple[str, ...]:
    try:
        text = header.removeprefix(BYTE_ORDER_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file.uri}: line 1: the header is not UTF-8 ({error}); save the file as UTF-8") from None
    try:
        names = tuple(name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=delimiter), []))
    except csv.Error as error:
        raise DataError(f"{file.uri}: line 1: the header is not CSV ({error}); end lines with a newline") from None
    if not any(names):
        raise DataError(f"{file.uri}: line 1: is blank; the first line must name the columns")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{file.uri}: line 1: column {repeated[0]!r} stands twice in the header; rename one of them")
    return names


def _is_compressed(file: DataFile) -> bool:
    return file.path.endswith(".gz")


@contextlib.contextmanager
def _open(file: DataFile) -> Iterator[IO[bytes]]:
    with open_binary(file.uri) as stream:
        if not _is_compressed(file):
            yield stream
            return
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{file.uri}: is no whole gzip file ({error}); deliver the file again") from None
