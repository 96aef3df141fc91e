"""Which versions are old enough to go, and their removal."""

from __future__ import annotations

import os
from pathlib import Path

from adclick.stores import is_remote
from components.pusher.history import REMOVED, current_user, note
from components.pusher.labels import read_labels
from components.pusher.locking import exclusive
from components.pusher.version_moves import finish_removals, remove_version
from components.pusher.versions import Folder, read_record, versions


def removable(model_folder: Folder, keep_versions: int) -> list[int]:
    """Whole versions beyond the newest `keep_versions`, oldest first.

    Never among them: the version in service, the one before it and the one it was compared with (a rollback wants
    them), one that a label names, one without a record of ours, one that was withdrawn.
    """
    complete = versions(model_folder)
    old = complete[: -max(keep_versions, 2)]
    if not old:
        return []
    served = read_record(model_folder, complete[-1])
    needed = {*read_labels(model_folder).values(), served.baseline_version if served else None}
    return [version for version in old if version not in needed and read_record(model_folder, version) is not None]


def remove_old_versions(model_folder: Folder, keep_versions: int) -> list[int]:
    """Removes them, notes each in the history, and returns their numbers."""
    folder = os.fspath(model_folder)
    with exclusive(folder):
        if not is_remote(folder):
            finish_removals(Path(folder))
        removed = removable(folder, keep_versions)
        for version in removed:
            remove_version(folder, str(version))
            note(folder, REMOVED, version, current_user(), f"push.keep_versions is {keep_versions}")
    return removed
