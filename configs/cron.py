"""Cron expressions as Kubeflow Pipelines takes them: six fields, seconds first.

Source: https://pkg.go.dev/github.com/robfig/cron#hdr-CRON_Expression_Format, which its scheduler uses.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class _Field(NamedTuple):
    name: str
    least: int
    greatest: int
    words: tuple[str, ...] = ()
    question_mark: bool = False


FIELDS = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, question_mark=True),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 6, DAYS, question_mark=True),
)
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")


def check_cron(expression: str) -> str:
    """The expression with single spaces. Raises ValueError that names the field and the fix."""
    texts = expression.split()
    if len(texts) == 5:
        raise ValueError(f"{expression!r} has five fields; Kubeflow wants seconds before them: '0 {' '.join(texts)}'")
    if len(texts) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        raise ValueError(f"{expression!r} has {len(texts)} fields and not six ({names}), such as '0 0 4 2 * *'")
    for text, field in zip(texts, FIELDS, strict=True):
        for part in text.split(","):
            _check_part(part, field, expression)
    return " ".join(texts)


def five_fields(expression: str) -> str:
    """The same without seconds, for schedulers that know none. Raises ValueError where it would be another time."""
    seconds, _, rest = expression.partition(" ")
    if seconds != "0":
        raise ValueError(f"{expression!r} does not begin with 0 seconds, which this scheduler cannot do: write 0 there")
    return rest.replace("?", "*")


def _check_part(part: str, field: _Field, expression: str) -> None:
    match = _PART.fullmatch(part)
    known = f"{field.least}-{field.greatest}{' or ' + field.words[0] + '…' if field.words else ''}"
    if match is None:
        raise ValueError(f"{expression!r}: {part!r} is no {field.name}; write {known}, *, a range, a list or */step")
    if match["step"] == "0":
        raise ValueError(f"{expression!r}: the step of {part!r} leads nowhere; write 1 or more")
    if match["first"] in ("*", "?"):
        if match["last"] is not None or (match["first"] == "?" and not field.question_mark):
            raise ValueError(f"{expression!r}: {part!r} is no {field.name}; write {known}, or *")
        return
    first = _number(match["first"], field)
    last = first if match["last"] is None else _number(match["last"], field)
    if first is None or last is None or first > last:
        raise ValueError(f"{expression!r}: {part!r} is no {field.name}; write {known}")


def _number(text: str, field: _Field) -> int | None:
    if text.upper() in field.words:
        return field.least + field.words.index(text.upper())
    number = int(text) if text.isdecimal() else -1
    return number if field.least <= number <= field.greatest else None
