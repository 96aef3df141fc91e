"""How a new version gets into the folder that TF Serving watches.

On this machine it is copied beside, under a name that no server takes for a version, then renamed: a half-copied
version is never seen. A store cannot rename. There the record goes first and claims the number, `saved_model.pb` goes
last: no server loads a version before it is whole.
"""

from __future__ import annotations

import contextlib
import datetime
import glob
import json
import os
import shutil
import socket
import time
import uuid
from pathlib import Path

import psutil

from adclick.errors import AdclickError
from adclick.filesystem import create_bytes, join
from adclick.folder_copies import remove_folder, upload_folder
from adclick.stores import is_remote
from components.pusher.versions import (
    MODEL_FILE,
    RECORD_FILE,
    Folder,
    PushRecord,
    in_service,
    model_digest,
    read_record,
    taken_numbers,
    version_uri,
)


def push(saved_model: Path, model_folder: Folder, baseline_version: int | None, run_id: str) -> int:
    """Copies the model in as a new version, greater than every other; returns it, or the one that has it in service.

    Raises AdclickError without free space, SettingsError where a store refuses.
    """
    folder = os.fspath(model_folder)
    digest = model_digest(saved_model)
    served = in_service(folder)
    if served is not None:
        known = read_record(folder, served)
        if known is not None and known.model_digest == digest:
            return served
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record = json.dumps(PushRecord(digest, baseline_version, run_id, now)._asdict(), indent=1).encode()
    if is_remote(folder):
        return _push_to_store(saved_model, folder, record)
    return _push_to_folder(saved_model, Path(folder), record)


def _next_number(folder: str) -> int:
    return max([int(time.time()), *(number + 1 for number in taken_numbers(folder))])


def _push_to_folder(saved_model: Path, folder: Path, record: bytes) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    size = sum(file.stat().st_size for file in saved_model.rglob("*") if file.is_file())
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise AdclickError(
            f"{folder}: {free >> 20} MiB free, the model needs {2 * size >> 20} MiB; make room and run again"
        )
    _remove_abandoned(folder)
    beside = folder / f"{_incoming()}{os.getpid()}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(saved_model, beside)
        (beside / RECORD_FILE).parent.mkdir(exist_ok=True)
        (beside / RECORD_FILE).write_bytes(record)
        while True:
            version = _next_number(str(folder))
            try:
                beside.rename(folder / str(version))
            except OSError:
                if (folder / str(version)).exists():
                    continue  # another push took the number between the look and the rename
                raise
            return version
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _incoming() -> str:
    return f".incoming-{socket.gethostname()}-"


def _remove_abandoned(folder: Path) -> None:
    """What a push on this machine left that was killed while it copied."""
    for child in folder.glob(f"{glob.escape(_incoming())}*"):
        pid = child.name.removeprefix(_incoming()).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(child, ignore_errors=True)


def _push_to_store(saved_model: Path, folder: str, record: bytes) -> int:
    version = _next_number(folder)
    while not create_bytes(join(version_uri(folder, version), RECORD_FILE), record):
        version = max(version + 1, _next_number(folder))  # another push took the number
    target = version_uri(folder, version)
    try:
        upload_folder(saved_model, target, leave_out=[RECORD_FILE], last=[MODEL_FILE])
    except BaseException:
        with contextlib.suppress(Exception):  # what made the copy fail is told, not what its removal says
            remove_folder(target)
        raise
    return version
