"""Which files belong to a run: pattern, spans, and a fingerprint of what they hold."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from adclick.errors import DataError
from adclick.filesystem import DataFile, content_digest, list_files

SPAN = "{SPAN}"


class SpanInput(NamedTuple):
    """The files that a run reads."""

    spans: tuple[int, ...]
    files: tuple[DataFile, ...]
    fingerprint: str
    """SHA-256 over relative paths and contents."""
    file_spans: tuple[int, ...]
    """The span of each file."""


def select_input(root: str, pattern: str, spans: Literal["all", "latest"] | int) -> SpanInput:
    """Files of the wanted spans below `root`, fingerprinted by content.

    `spans`: all of them, the latest, or the latest N. Without `{SPAN}` in the pattern all files are span 0.
    Raises DataError where the folder or every file is missing.
    """
    expression = pattern_to_regex(pattern)
    by_span: dict[int, list[DataFile]] = {}
    for file in list_files(root, expression):
        match = expression.fullmatch(file.path)
        number = int(match["SPAN"]) if match and "SPAN" in expression.groupindex else 0
        by_span.setdefault(number, []).append(file)
    if not by_span:
        raise DataError(f"{root}: no file matches data.pattern {pattern!r}; correct the pattern or deliver the files")
    wanted = sorted(by_span)
    if spans != "all":
        wanted = wanted[-(1 if spans == "latest" else spans) :]
    files = tuple(file for number in wanted for file in by_span[number])
    file_spans = tuple(number for number in wanted for _ in by_span[number])
    fingerprint = content_digest((file.uri for file in files), (file.path for file in files))
    return SpanInput(tuple(wanted), files, fingerprint, file_spans)


def pattern_to_regex(pattern: str) -> re.Pattern[str]:
    """A glob over relative paths, where `{SPAN}` is a number and `*` and `?` stay within one folder."""
    parts: list[str] = []
    rest = pattern
    while rest:
        if rest.startswith(SPAN):
            parts.append(r"(?P<SPAN>\d+)" if "(?P<SPAN>" not in "".join(parts) else "(?P=SPAN)")
            rest = rest[len(SPAN) :]
            continue
        parts.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0], re.escape(rest[0])))
        rest = rest[1:]
    return re.compile("".join(parts))
