"""One change of a model's versions at a time, on disk and in a store."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from adclick.errors import AdclickError
from adclick.filesystem import create_bytes, join, read_bytes, remove_file
from adclick.stores import is_remote
from components.pusher.versions import Folder

LOCK_FILE = ".lock"
WAIT_S = 60.0
POLL_S = 0.2
EXPIRES_S = 3600.0
"""A store's lock that is older was left by a process that died; a disk's lock ends with its process."""


@contextlib.contextmanager
def exclusive(model_folder: Folder, wait_s: float = WAIT_S) -> Iterator[None]:
    """Waits for its turn. Raises AdclickError where another holds the folder for longer than `wait_s`.

    Between the block's start and end no other push removes versions, and no other operator moves them. A push needs no
    lock to add a version: its number is claimed by a rename or, in a store, by a conditional write.
    """
    folder = os.fspath(model_folder)
    with _store_lock(folder, wait_s) if is_remote(folder) else _disk_lock(Path(folder), wait_s):
        yield


@contextlib.contextmanager
def _disk_lock(folder: Path, wait_s: float) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise AdclickError(
                        f"{folder}: another `adclick run` or `adclick models` has been changing its versions for "
                        f"{wait_s:g} s; wait until it has ended, then try again"
                    ) from None
                time.sleep(POLL_S)
        yield


@contextlib.contextmanager
def _store_lock(folder: str, wait_s: float) -> Iterator[None]:
    lock = join(folder, LOCK_FILE)
    mine = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "at_s": time.time()}).encode()
    deadline = time.monotonic() + wait_s
    while not create_bytes(lock, mine):
        holder, age_s = _holder(lock)
        if age_s > EXPIRES_S:
            remove_file(lock)
        elif time.monotonic() > deadline:
            raise AdclickError(
                f"{folder}: {holder} has been changing its versions for {age_s:.0f} s; wait until it has ended, or "
                f"remove {lock} if that process is gone"
            )
        else:
            time.sleep(POLL_S)
    try:
        yield
    finally:
        remove_file(lock)


def _holder(lock: str) -> tuple[str, float]:
    """Who holds a lock, and for how long [s]; one that ended meanwhile or cannot be read counts as new."""
    try:
        found = json.loads(read_bytes(lock))
        return f"process {found['pid']} on {found['host']}", time.time() - found["at_s"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return "another process", 0.0
