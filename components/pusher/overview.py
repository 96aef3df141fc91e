"""The versions of a model as an operator wants to see them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from adclick.filesystem import CONNECTIONS, exists, files_below, join
from adclick.stores import explained, locate
from components.pusher.history import WITHDRAWN, Event, last_event, read_history
from components.pusher.labels import read_labels
from components.pusher.versions import (
    WARMUP_FILE,
    Folder,
    PushRecord,
    record_in,
    taken_numbers,
    version_uri,
    versions,
    withdrawn_uri,
    withdrawn_versions,
)

IN_SERVICE, AVAILABLE = "in service", "available"
TAKEN_OUT, HALF_COPIED = "withdrawn", "half-copied"


class VersionView(NamedTuple):
    """One version."""

    version: int
    state: str
    """in service, available (an older one), withdrawn or half-copied."""
    labels: list[str]
    size_bytes: int
    record: PushRecord | None
    """None for a version that came here by another way than a push."""
    withdrawn: Event | None
    uri: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self._asdict(),
            "record": self.record._asdict() if self.record else None,
            "withdrawn": self.withdrawn._asdict() if self.withdrawn else None,
        }


def list_views(model_folder: Folder) -> list[VersionView]:
    """Every version, newest first; a version that was withdrawn stands where its number would."""
    folder = os.fspath(model_folder)
    complete, labels, history = versions(folder), read_labels(folder), read_history(folder)

    def numbered(version: int) -> VersionView:
        state = HALF_COPIED if version not in complete else IN_SERVICE if version == complete[-1] else AVAILABLE
        return _view(version_uri(folder, version), version, state, labels, None)

    def withdrawn(version: int) -> VersionView:
        event = last_event(history, version, WITHDRAWN)
        return _view(withdrawn_uri(folder, version), version, TAKEN_OUT, labels, event)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = [*pool.map(numbered, taken_numbers(folder)), *pool.map(withdrawn, withdrawn_versions(folder))]
    return sorted(found, key=lambda view: view.version, reverse=True)


def files_of(view: VersionView) -> tuple[list[str], bool]:
    """Relative paths of a version's files, and whether warm-up requests are among them."""
    return [file.path for file in files_below(view.uri)], exists(join(view.uri, WARMUP_FILE))


def _view(uri: str, version: int, state: str, labels: dict[str, int], event: Event | None) -> VersionView:
    files, path = locate(uri)
    with explained(uri):
        size = int(files.du(path))
    return VersionView(
        version, state, [key for key in labels if labels[key] == version], size, record_in(uri), event, uri
    )
