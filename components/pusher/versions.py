"""Versions of a model in the folder that TF Serving watches: which is in service, and how a new one gets there.

A version is a folder named by an integer (tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc).
It is copied beside under a name that no server takes for a version, then renamed: a half-copied version is never seen.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from adclick.errors import AdclickError

RECORD_FILE = "assets.extra/adclick.json"
MODEL_FILE = "saved_model.pb"


class PushRecord(NamedTuple):
    """What is known of a pushed version; kept inside it."""

    model_digest: str
    """SHA-256 over the exported model's files."""
    baseline_version: int | None
    """The version that was in service when this one was evaluated."""
    run_id: str
    pushed_at: str
    """ISO 8601, UTC."""


def versions(model_folder: Path) -> list[int]:
    """Complete versions, oldest first."""
    if not model_folder.is_dir():
        return []
    return sorted(number for number in _numbers(model_folder) if (model_folder / str(number) / MODEL_FILE).is_file())


def _numbers(model_folder: Path) -> list[int]:
    """Numbers that are taken, half-copied versions included."""
    return [int(child.name) for child in model_folder.iterdir() if re.fullmatch("0|[1-9][0-9]*", child.name)]


def in_service(model_folder: Path) -> int | None:
    """The version that a server takes: the newest complete one."""
    return max(versions(model_folder), default=None)


def read_record(model_folder: Path, version: int) -> PushRecord | None:
    """The version's record; None for a model that came here by another way."""
    file = model_folder / str(version) / RECORD_FILE
    try:
        return PushRecord(**json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, json.JSONDecodeError):
        return None


def model_digest(saved_model: Path) -> str:
    """SHA-256 over names and contents of an exported model's files, its push record left out."""
    digest = hashlib.sha256()
    for file in sorted(path for path in saved_model.rglob("*") if path.is_file()):
        name = file.relative_to(saved_model).as_posix()
        if name != RECORD_FILE:
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def push(saved_model: Path, model_folder: Path, baseline_version: int | None, run_id: str) -> int:
    """Copies the model in as a new version, greater than every other; returns it, or the one that has it in service.

    Raises AdclickError without free space.
    """
    model_folder.mkdir(parents=True, exist_ok=True)
    digest = model_digest(saved_model)
    served = in_service(model_folder)
    if served is not None:
        known = read_record(model_folder, served)
        if known is not None and known.model_digest == digest:
            return served
    size = sum(file.stat().st_size for file in saved_model.rglob("*") if file.is_file())
    free = shutil.disk_usage(model_folder).free
    if free < 2 * size:
        raise AdclickError(
            f"{model_folder}: {free >> 20} MiB free, the model needs {2 * size >> 20} MiB; make room and run again"
        )
    beside = model_folder / f".incoming-{uuid.uuid4().hex}"
    try:
        shutil.copytree(saved_model, beside)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        record = PushRecord(digest, baseline_version, run_id, now)
        (beside / RECORD_FILE).parent.mkdir(exist_ok=True)
        (beside / RECORD_FILE).write_text(json.dumps(record._asdict(), indent=1), encoding="utf-8")
        while True:
            version = max([int(time.time()), *(number + 1 for number in _numbers(model_folder))])
            try:
                beside.rename(model_folder / str(version))
            except OSError:
                if (model_folder / str(version)).exists():
                    continue  # another push took the number between the look and the rename
                raise
            return version
    finally:
        shutil.rmtree(beside, ignore_errors=True)
