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
from adclick.filesystem import create_bytes, join, replace_bytes, write_bytes
from adclick.folder_copies import copy_folder, remove_folder, upload_folder
from adclick.stores import is_remote
from components.pusher.history import FORCED, PROMOTED, PUSHED, WITHDRAWN, current_user, last_event, note, read_history
from components.pusher.versions import (
    MODEL_FILE,
    RECORD_FILE,
    WARMUP_FILE,
    Folder,
    PushRecord,
    in_service,
    model_digest,
    read_record,
    record_in,
    taken_numbers,
    version_uri,
    withdrawn_uri,
    withdrawn_versions,
)


class WithdrawnModelError(AdclickError):
    """The model was taken out of service by an operator, and only an operator puts it back."""


def push(
    saved_model: Path,
    model_folder: Folder,
    baseline_version: int | None,
    run_id: str,
    *,
    metrics: dict[str, float | None] | None = None,
    warmup: bytes | None = None,
    push_withdrawn: bool = False,
    force: tuple[str, str] | None = None,
) -> int:
    """Copies the model in as a new version, greater than every other; returns it, or the one that has it in service.

    `warmup`: content of the warm-up file that goes with it. `force`: why --force-bless was given, and by whom; a
    version that is in service already keeps it in its record, unless that has an earlier one. Raises
    WithdrawnModelError for a model that was taken out of service, unless `push_withdrawn`; AdclickError without free
    space, SettingsError where a store refuses.
    """
    folder = os.fspath(model_folder)
    digest = model_digest(saved_model)
    reason, who = force or (None, None)
    served = in_service(folder)
    if served is not None:
        known = read_record(folder, served)
        if known is not None and known.model_digest == digest:
            if force is not None and known.force_reason is None:
                forced = known._replace(force_reason=reason, forced_by=who)
                replace_bytes(join(version_uri(folder, served), RECORD_FILE), _content(forced))
                note(folder, FORCED, served, current_user(), force[0], f"run {run_id}")
            return served
    if not push_withdrawn:
        require_not_withdrawn(folder, digest, served)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record = PushRecord(digest, baseline_version, run_id, now, metrics, force_reason=reason, forced_by=who)
    version = place(saved_model, folder, record, warmup)
    note(folder, PUSHED, version, current_user(), f"run {run_id}")
    return version


def place(source: Folder, folder: str, record: PushRecord, warmup: bytes | None = None) -> int:
    """A copy of `source`, a local folder or a version of the same store, as the newest version; returns its number."""
    ours = {RECORD_FILE: _content(record)}
    if warmup is not None:
        ours[WARMUP_FILE] = warmup
    if is_remote(folder):
        return _place_in_store(os.fspath(source), folder, ours)
    return _place_in_folder(Path(source), Path(folder), ours)


def _content(record: PushRecord) -> bytes:
    return json.dumps(record._asdict(), indent=1).encode()


def require_not_withdrawn(folder: str, digest: str, served: int | None) -> None:
    """Raises WithdrawnModelError where an operator took this very model out of service."""
    for version in reversed(withdrawn_versions(folder)):
        record = record_in(withdrawn_uri(folder, version))
        if record is not None and record.model_digest == digest:
            event = last_event(read_history(folder), version, WITHDRAWN)
            told = f" by {event.who} on {event.at} ({event.reason})" if event else ""
            raise WithdrawnModelError(
                f"the model is that of version {version}, which was withdrawn{told}; "
                f"`adclick models promote {version}` puts it back into service, --fresh trains and pushes again"
            )
    record = read_record(folder, served) if served is not None else None
    if record is not None and record.displaced_digest == digest:
        event = last_event(read_history(folder), served or 0, PROMOTED)
        told = f" by {event.who} on {event.at} ({event.reason})" if event else ""
        raise WithdrawnModelError(
            f"the model is the one that version {served} was put in place of{told}; `adclick models promote` with its "
            "version puts it back into service, --fresh trains and pushes again"
        )


def _next_number(folder: str) -> int:
    """Greater than every version that is or was there, and never below the clock's second."""
    taken = [*taken_numbers(folder), *withdrawn_versions(folder)]
    return max([int(time.time()), *(number + 1 for number in taken)])


def _require_space(folder: Path, size_bytes: int) -> None:
    """Raises AdclickError where a copy would leave less free than its own size."""
    free = shutil.disk_usage(folder).free
    if free < 2 * size_bytes:
        raise AdclickError(
            f"{folder}: {free >> 20} MiB free, the model needs {2 * size_bytes >> 20} MiB; make room and run again"
        )


def _place_in_folder(source: Path, folder: Path, ours: dict[str, bytes]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    _require_space(folder, sum(file.stat().st_size for file in source.rglob("*") if file.is_file()))
    _remove_abandoned(folder)
    beside = folder / f"{_incoming()}{os.getpid()}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(source, beside)
        for name, content in ours.items():
            (beside / name).parent.mkdir(exist_ok=True)
            (beside / name).write_bytes(content)
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


def _place_in_store(source: str, folder: str, ours: dict[str, bytes]) -> int:
    version = _next_number(folder)
    while not create_bytes(join(version_uri(folder, version), RECORD_FILE), ours[RECORD_FILE]):
        version = max(version + 1, _next_number(folder))  # another push took the number
    target = version_uri(folder, version)
    try:
        for name, content in ours.items():
            if name != RECORD_FILE:
                write_bytes(join(target, name), content)
        if is_remote(source):
            copy_folder(source, target, leave_out=list(ours), last=[MODEL_FILE])
        else:
            upload_folder(Path(source), target, leave_out=list(ours), last=[MODEL_FILE])
    except BaseException:
        with contextlib.suppress(Exception):  # what made the copy fail is told, not what its removal says
            remove_folder(target)
        raise
    return version
