"""Which files belong to a run: pattern, spans, versions, and a fingerprint of what they hold."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from adclick.errors import DataError
from adclick.filesystem import content_digest, list_files
from configs.settings import Data

_PLACEHOLDERS = {
    "{SPAN}": ("SPAN", r"\d+"),
    "{VERSION}": ("VERSION", r"\d+"),
    "{YYYY}": ("YYYY", r"\d{4}"),
    "{MM}": ("MM", r"0[1-9]|1[0-2]"),
    "{DD}": ("DD", r"0[1-9]|[12]\d|3[01]"),
}
# What copying tools and editors put behind the name of a file that is not whole, or not meant.
UNMEANT_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".crc", ".bak", "~")
_TOKEN = re.compile("|".join(re.escape(word) for word in _PLACEHOLDERS) + r"|\*|\?|.", re.DOTALL)


class SpanFile(NamedTuple):
    """One file of a span."""

    path: str
    """Path relative to the root, with forward slashes."""
    uri: str
    span: int = 0
    version: int | None = None
    """None without `{VERSION}` in the pattern."""


class SpanInput(NamedTuple):
    """The files that a run reads, by span and path."""

    spans: tuple[int, ...]
    files: tuple[SpanFile, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over relative paths and contents; reads every file."""
        return content_digest((file.uri for file in self.files), (file.path for file in self.files))


def select_input(root: str, pattern: str, spans: Literal["all", "latest"] | int) -> SpanInput:
    """Files of the wanted spans below `root`, each span in its highest version.

    `spans`: all of them, the latest, or the latest N. Where the pattern has no span all files are span 0; where it has
    a date, the span is the date's digits, such as 202611 or 20261130.
    Raises DataError where the folder or every file is missing, a file lies beside its own gzip copy, or a span's number
    is written in two ways.
    """
    expression = pattern_to_regex(pattern)
    by_span: dict[int, list[SpanFile]] = {}
    written: dict[int, tuple[str, str]] = {}
    for file in list_files(root, expression):
        if file.path.endswith(UNMEANT_SUFFIXES):
            continue
        match = expression.fullmatch(file.path)
        found = match.groupdict() if match else {}
        digits = found.get("SPAN") or "".join(found.get(part) or "" for part in ("YYYY", "MM", "DD"))
        first, path = written.setdefault(int(digits or 0), (digits, file.path))
        if first != digits:
            raise DataError(
                f"{root}: {path} and {file.path} are both of span {int(digits)}, which is written {first} and "
                f"{digits}; rename one, or take away what was delivered twice"
            )
        version = int(found["VERSION"]) if "VERSION" in found else None
        by_span.setdefault(int(digits or 0), []).append(SpanFile(file.path, file.uri, int(digits or 0), version))
    if not by_span:
        raise DataError(f"{root}: no file matches data.pattern {pattern!r}; correct the pattern or deliver the files")
    wanted = sorted(by_span)
    if spans != "all":
        wanted = wanted[-(1 if spans == "latest" else spans) :]
    files = tuple(file for span in wanted for file in _newest_version(by_span[span]))
    _require_no_copies(root, {file.path for file in files})
    return SpanInput(tuple(wanted), files)


def _require_no_copies(root: str, paths: set[str]) -> None:
    """A month of which `gzip -k` left both files would count twice."""
    for path in sorted(paths):
        if f"{path}.gz" in paths:
            raise DataError(
                f"{root}: {path} lies beside {path}.gz, so that its rows would be read twice; take one of them away, "
                "or let data.pattern match one of them"
            )


def require_unchanged(source: SpanInput, data: Data, fingerprint: str) -> None:
    """Holds the input against what the driver saw, since rows of a file that is replaced while it is read get lost.

    Raises DataError where a file was changed, added or taken away.
    """
    present = select_input(data.root, data.pattern, data.spans)
    if present.files == source.files and present.fingerprint == fingerprint:
        return
    before, after = ({file.path for file in one.files} for one in (source, present))
    moved = [f" ({name} is gone)" for name in sorted(before - after)]
    moved += [f" ({name} is new)" for name in sorted(after - before)]
    raise DataError(
        f"{data.root}: files that match data.pattern {data.pattern!r} changed while they were read"
        f"{''.join(moved[:1])}; wait until the delivery is whole and run again"
    )


def _newest_version(files: list[SpanFile]) -> list[SpanFile]:
    newest = max(file.version or 0 for file in files)
    return [file for file in files if (file.version or 0) == newest]


def pattern_to_regex(pattern: str) -> re.Pattern[str]:
    """A glob over relative paths, in which placeholders are numbers and `*` and `?` stay within one folder.

    As in a shell they match no dot that begins a name: copying tools write files under such names until they are whole.
    A placeholder that comes twice must match the same text.
    """
    parts: list[str] = []
    seen: set[str] = set()
    for token in _TOKEN.findall(pattern):
        if token in _PLACEHOLDERS:
            name, expression = _PLACEHOLDERS[token]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{expression})")
            seen.add(name)
        else:
            if token in "*?" and (not parts or parts[-1] == "/"):
                parts.append(r"(?!\.)")
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token)))
    return re.compile("".join(parts))
