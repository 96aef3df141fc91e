"""Rejected rows: what is kept of each, and how it is written down."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, Any, NamedTuple

from components.example_gen.reject_codes import RejectCode

REJECT_COLUMNS = ("file", "line", "column", "value", "reason")
MAX_VALUE_CHARACTERS = 1000


class Reject(NamedTuple):
    """One row that is not used, and why."""

    line: int
    column: str
    """Empty where the row as a whole is at fault."""
    value: str
    code: RejectCode


def shown(value: Any) -> str:
    """A cell or row as it stands in reports: bytes that are not UTF-8 and NULs as \\x.., long values cut."""
    if value is None:
        return ""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    text = text.replace("\0", "\\x00")  # which Python's csv cannot write
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…"


def write_rejects(stream: IO[bytes], file: str, rejects: Iterable[Reject]) -> None:
    """Appends CSV rows, without a header."""
    rows = ((file, reject.line, reject.column, reject.value, reject.code.value) for reject in rejects)
    stream.write(csv_bytes(rows))


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def told(file: str, reject: Reject) -> str:
    """A reject in a message."""
    return f"{file}: line {reject.line}: {reject.column or 'row'} = {reject.value!r}: {reject.code.value}"
