"""When the store was last looked at, kept beside the versions, for a liveness probe in another process."""

from __future__ import annotations

import json
from pathlib import Path

from adclick.filesystem import replace_bytes

HEARTBEAT_FILE = ".replica.json"


def mark_look(target: Path, now_s: float) -> None:
    """Remembers that a look ended, well or badly; `now_s`: seconds since 1970."""
    replace_bytes(str(target / HEARTBEAT_FILE), json.dumps({"looked_at_s": round(now_s)}).encode())


def seconds_since_look(target: Path, now_s: float) -> float | None:
    """None where there was none."""
    try:
        return now_s - float(json.loads((target / HEARTBEAT_FILE).read_bytes())["looked_at_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
