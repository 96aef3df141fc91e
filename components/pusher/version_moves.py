"""Versions renamed and removed so that a server never sees half of one.

On disk a rename takes a version out of a server's sight at once. In a store, which cannot rename, `saved_model.pb`
arrives last and goes first: without it a version counts as half-copied.
"""

from __future__ import annotations

import glob
import os
import shutil
import uuid
from pathlib import Path

from adclick.errors import AdclickError
from adclick.filesystem import exists, join
from adclick.folder_copies import copy_folder, remove_folder
from adclick.stores import is_remote
from components.pusher.versions import MODEL_FILE, Folder

REMOVING = ".removing-"


def rename_version(model_folder: Folder, name: str, new_name: str) -> None:
    """Raises AdclickError where the new name is taken, FileNotFoundError where the old one is gone."""
    folder = os.fspath(model_folder)
    source, target = join(folder, name), join(folder, new_name)
    if exists(join(target, MODEL_FILE)):
        raise AdclickError(f"{target} is there already, and {name} would take its name; move one of them elsewhere")
    if is_remote(folder):
        copy_folder(source, target, last=[MODEL_FILE])
        remove_folder(source, first=[MODEL_FILE])
    else:
        Path(source).rename(target)


def remove_version(model_folder: Folder, name: str) -> None:
    """Removes a version's folder with all that is in it."""
    folder = os.fspath(model_folder)
    if is_remote(folder):
        remove_folder(join(folder, name), first=[MODEL_FILE])
        return
    hidden = Path(folder, f"{REMOVING}{name}-{uuid.uuid4().hex}")
    Path(folder, name).rename(hidden)
    shutil.rmtree(hidden)


def finish_removals(folder: Path) -> None:
    """Removes what a removal on disk that was killed left."""
    for left in folder.glob(f"{glob.escape(REMOVING)}*"):
        shutil.rmtree(left, ignore_errors=True)
