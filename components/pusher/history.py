"""Who changed the versions of a model, when and why: one small file for each change, never written again.

`history/<UTC time>-<random>.json` beside the versions. A file for each entry needs no lock, neither on disk nor in a
store, and no entry can damage another.
"""

from __future__ import annotations

import datetime
import getpass
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from adclick.filesystem import CONNECTIONS, join, list_names, read_bytes, replace_bytes
from components.pusher.versions import Folder

HISTORY = "history"
PUSHED, ADOPTED, PROMOTED, RESTORED = "pushed", "adopted", "promoted", "restored"
FORCED = "forced"
"""--force-bless for a version that was in service already."""
WITHDRAWN, REMOVED = "withdrawn", "removed"
LABELLED, UNLABELLED = "labelled", "unlabelled"


class Event(NamedTuple):
    """One change."""

    at: str
    """ISO 8601, UTC."""
    action: str
    """pushed, forced, adopted, promoted, restored, withdrawn, removed, labelled or unlabelled."""
    version: int
    who: str
    reason: str
    detail: str = ""
    """What the action was about besides the version: a label, a run, the version that was copied."""


def note(model_folder: Folder, action: str, version: int, who: str, reason: str, detail: str = "") -> Event:
    """Adds an entry and returns it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    event = Event(now.isoformat(timespec="seconds"), action, version, who, reason, detail)
    name = f"{now:%Y%m%dT%H%M%S.%f}Z-{uuid.uuid4().hex[:8]}.json"
    content = json.dumps(event._asdict(), ensure_ascii=False, indent=1).encode()
    replace_bytes(join(join(os.fspath(model_folder), HISTORY), name), content)
    return event


def read_history(model_folder: Folder) -> list[Event]:
    """All entries, oldest first. What is no entry of ours is passed over."""
    folder = join(os.fspath(model_folder), HISTORY)
    names = [name for name in list_names(folder) if name.endswith(".json")]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = pool.map(lambda name: _read(join(folder, name)), names)
    return [event for event in found if event is not None]


def last_event(history: list[Event], version: int, action: str) -> Event | None:
    """The latest entry of that action about a version."""
    return next((event for event in reversed(history) if (event.version, event.action) == (version, action)), None)


def current_user() -> str:
    """Name of the account that runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _read(uri: str) -> Event | None:
    try:
        found = json.loads(read_bytes(uri))
        return Event(**{name: found[name] for name in Event._fields if name in found})
    except (FileNotFoundError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
        return None
