"""Reads rows to predict from CSV, JSON or JSON-lines text, keeping the line of each for error messages."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

STDIN = "-"
_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class RowFileError(Exception):
    """A file that cannot be read as rows: names file, place and the fix."""


@dataclass(frozen=True)
class PlacedRow:
    """A row and where it stands: `line 3` of a CSV or JSON-lines file, `row 3` of a JSON array."""

    place: str
    values: dict[str, object]


def read_rows(source: str, limit: int | None = None) -> list[PlacedRow]:
    """Rows of a file, or of standard input for "-", at most `limit` of them.

    The format follows the file's ending; without a known one, the first character tells: `[` is a JSON
    array, `{` is JSON lines, anything else CSV.

    Raises:
        RowFileError: for a missing file, bytes that are no UTF-8, or text that is not what the format says.
    """
    name = "standard input" if source == STDIN else source
    try:
        data = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise RowFileError(f"{name}: {error.strerror or error}; give a CSV, JSON or JSON-lines file") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RowFileError(f"{name}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from error
    parse = {"csv": _csv_rows, "json": _json_rows, "jsonl": _json_lines}[_format(source, text)]
    rows = list(islice(parse(name, text), limit))
    if not rows:
        raise RowFileError(f"{name}: holds no rows; give at least one")
    return rows


def _format(source: str, text: str) -> str:
    known = _FORMATS.get(Path(source).suffix.lower())
    if known:
        return known
    first = text.lstrip()[:1]
    return {"[": "json", "{": "jsonl"}.get(first, "csv")


def _csv_rows(name: str, text: str) -> Iterator[PlacedRow]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        repeated = sorted({field for field in header if header.count(field) > 1})
        if repeated:
            raise RowFileError(f"{name}, line 1: field {repeated[0]!r} is named twice; rename one of them")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise RowFileError(
                    f"{name}, line {reader.line_num}: {len(cells)} fields where the header has {len(header)}"
                    "; quote fields that hold commas"
                )
            yield PlacedRow(f"line {reader.line_num}", dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise RowFileError(f"{name}, line {reader.line_num}: {error}; quote the field as RFC 4180 says") from error


def _json_rows(name: str, text: str) -> Iterator[PlacedRow]:
    document = _parse(name, text, first_line=1)
    rows = document.get("instances") if isinstance(document, dict) and "instances" in document else document
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list):
        raise RowFileError(f'{name}: is {_kind(rows)}; give an array of objects, or {{"instances": [...]}}')
    for number, row in enumerate(rows, start=1):
        yield PlacedRow(f"row {number}", _object(name, f"row {number}", row))


def _json_lines(name: str, text: str) -> Iterator[PlacedRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            row = _object(name, f"line {number}", _parse(name, line, first_line=number))
            yield PlacedRow(f"line {number}", row)


def _parse(name: str, text: str, first_line: int) -> object:
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise RowFileError(f"{name}, line {line}, column {error.colno}: not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise RowFileError(f"{name}, line {first_line}: not JSON that can be read: {error}") from error
    return value


def _object(name: str, place: str, row: object) -> dict[str, object]:
    if not isinstance(row, dict):
        raise RowFileError(f'{name}, {place}: is {_kind(row)}; give an object such as {{"feature": "value"}}')
    return row


def _kind(value: object) -> str:
    kinds: Sequence[tuple[type, str]] = (
        (dict, "an object"), (list, "an array"), (str, "a string"), (bool, "a boolean"), (int, "a number"),
        (float, "a number"),
    )  # fmt: skip
    return next((words for kind, words in kinds if isinstance(value, kind)), "null")
