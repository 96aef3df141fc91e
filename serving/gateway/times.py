"""Times in requests."""

from __future__ import annotations

import datetime

_LATEST_S = 253402300799  # the end of the year 9999, the last that ISO 8601 writes with four digits


def seconds_since_1970(value: object) -> int | None:
    """Whole seconds of ISO 8601 text, UTC where it names no zone, or of a whole number; None for anything else."""
    if isinstance(value, str):
        text = value[:-1] + "+00:00" if value.endswith("Z") else value
        if text[10:11] not in ("", "T", " ") or "Z" in text:  # fromisoformat reads "1970-01-02+05:00" as five o'clock
            return None
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        return int(moment.timestamp()) if moment.year > 1 else None
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value) if abs(value) <= _LATEST_S else None
    return None
