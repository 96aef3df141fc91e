"""Numbers on the page: each is an HTML `data` element with the summary's own value and where it stands there."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

Step = str | int | tuple[str | int, ...]
"""Of a path: a key, an index, or several at once, since Jinja unpacks arguments at the end only."""
Value = int | float | str | None
NARROW_SPACE = "\u202f"
UNDEFINED = "–"


def _percent(value: float) -> str:
    share = 100 * value
    return f"{share:.1f}{NARROW_SPACE}%" if abs(share) >= 0.05 or not share else f"{share:.2g}{NARROW_SPACE}%"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−") if value else "±0"


def _points(value: float) -> str:
    return f"{100 * value:+.2f}{NARROW_SPACE}pp".replace("-", "−") if value else "±0"


def _general(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−") if abs(value) >= 1e-4 or not value else f"{value:.2e}"


def _seconds(value: float) -> str:
    return f"{value:.0f}{NARROW_SPACE}s" if value >= 100 else f"{value:.1f}{NARROW_SPACE}s"


def _bytes(value: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    unit = units[0]
    return f"{value:.0f}{NARROW_SPACE}{unit}" if value >= 100 or unit == "B" else f"{value:.1f}{NARROW_SPACE}{unit}"


def _day(unix_s: float) -> str:
    return datetime.datetime.fromtimestamp(unix_s, datetime.timezone.utc).date().isoformat()


STYLES: Mapping[str, Callable[[Any], str]] = {
    "fixed4": lambda value: f"{value:.4f}".replace("-", "−"),
    "fixed2": lambda value: f"{value:.2f}".replace("-", "−"),
    "signed": _signed,
    "points": _points,
    "count": lambda value: f"{value:,}",
    "percent": _percent,
    "general": _general,
    "seconds": _seconds,
    "bytes": _bytes,
    "megabytes": lambda value: f"{value:,.0f}{NARROW_SPACE}MB",
    "day": _day,
    "plain": str,
}


class Figures:
    """Shows the values of one JSON document, and no others."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """`document`: summary.json, or several of them under a key each."""
        self._document = document

    def get(self, *path: Step) -> Any:
        """The value at a path; None where any step of it is missing."""
        found: Any = self._document
        for step in _flat(path):
            if isinstance(found, Mapping):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def num(self, style: str, *path: Step) -> Markup:
        """One number as text, with the exact value and its JSON Pointer (RFC 6901) in the markup."""
        value: Value = self.get(*path)
        if value is None:
            return Markup('<span class="none" title="undefined">{}</span>').format(UNDEFINED)
        return Markup('<data value="{}" data-at="{}">{}</data>').format(
            json.dumps(value, ensure_ascii=False), pointer(*_flat(path)), STYLES[style](value)
        )


def _flat(path: Sequence[Step]) -> Iterator[str | int]:
    for step in path:
        if isinstance(step, tuple):
            yield from step
        else:
            yield step


def pointer(*path: str | int) -> str:
    """JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def resolve(document: Any, at: str) -> Any:
    """The value that a JSON Pointer names. Raises LookupError where there is none."""
    for step in at.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def breakable(path: str) -> Markup:
    """A path or identifier that may break at its separators on a narrow screen."""
    text = str(escape(path))
    for separator in ("/", "_", "-"):
        text = text.replace(separator, f"{separator}<wbr>")
    return Markup(text)
