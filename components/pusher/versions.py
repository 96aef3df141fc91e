"""Versions of a model in the folder that TF Serving watches, on this machine or in a store: which is in service.

A version is a folder named by an integer (tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc).
It is complete when its `saved_model.pb` is there; components/pusher/pushing.py lets nothing come after that file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import NamedTuple

from adclick.filesystem import content_hashes, exists, join, list_names, read_bytes

RECORD_FILE = "assets.extra/adclick.json"
WARMUP_NAME = "tf_serving_warmup_requests"
WARMUP_FILE = f"assets.extra/{WARMUP_NAME}"
"""Requests that a server runs before it takes a version into service: a TFRecord file of PredictionLog."""
MODEL_FILE = "saved_model.pb"
WITHDRAWN_PREFIX = "withdrawn-"
"""Before the number of a version that was taken out of service: a name that no server takes for a version."""

NUMBER = re.compile("0|[1-9][0-9]*")
Folder = str | os.PathLike[str]
"""Local path, or URI of a folder in a store."""


class PushRecord(NamedTuple):
    """What is known of a pushed version; kept inside it."""

    model_digest: str
    """SHA-256 over the exported model's files."""
    baseline_version: int | None
    """The version that was in service when this one was evaluated."""
    run_id: str
    pushed_at: str
    """ISO 8601, UTC."""
    metrics: dict[str, float | None] | None = None
    """auc, log_loss and calibration_ratio on the evaluation rows."""
    promoted_from: int | None = None
    """The version that this is a copy of, where an operator put it into service again."""
    displaced_digest: str | None = None
    """Digest of the model that was in service when an operator preferred this one."""
    force_reason: str | None = None
    """Why it was pushed with --force-bless, where it was."""
    forced_by: str | None = None
    """Who did that, and when."""


def versions(model_folder: Folder) -> list[int]:
    """Complete versions, oldest first."""
    return [number for number in sorted(taken_numbers(model_folder)) if _is_complete(model_folder, number)]


def taken_numbers(model_folder: Folder) -> list[int]:
    """Numbers that are taken, half-copied versions included; none beyond 64 bits, which is no version to a server."""
    names = list_names(os.fspath(model_folder))
    return [int(name) for name in names if NUMBER.fullmatch(name) and int(name) < 1 << 63]


def in_service(model_folder: Folder) -> int | None:
    """The version that a server takes: the newest complete one."""
    newest_first = sorted(taken_numbers(model_folder), reverse=True)
    return next((number for number in newest_first if _is_complete(model_folder, number)), None)


def withdrawn_versions(model_folder: Folder) -> list[int]:
    """Numbers of the whole versions that were taken out of service, oldest first."""
    found = (name.partition(WITHDRAWN_PREFIX) for name in list_names(os.fspath(model_folder)))
    numbers = sorted(int(number) for before, _, number in found if not before and NUMBER.fullmatch(number))
    return [number for number in numbers if exists(join(withdrawn_uri(model_folder, number), MODEL_FILE))]


def version_uri(model_folder: Folder, version: int) -> str:
    """Where a version lies."""
    return join(os.fspath(model_folder), str(version))


def withdrawn_uri(model_folder: Folder, version: int) -> str:
    """Where a version lies that was taken out of service."""
    return join(os.fspath(model_folder), f"{WITHDRAWN_PREFIX}{version}")


def _is_complete(model_folder: Folder, version: int) -> bool:
    return exists(join(version_uri(model_folder, version), MODEL_FILE))


def read_record(model_folder: Folder, version: int) -> PushRecord | None:
    """The version's record; None for a model that came here by another way."""
    return record_in(version_uri(model_folder, version))


def record_in(saved_model: Folder) -> PushRecord | None:
    """The record within a copy of a model, whatever its folder's name. Fields of a later adclick are passed over."""
    try:
        found = json.loads(read_bytes(join(os.fspath(saved_model), RECORD_FILE)))
        return PushRecord(**{name: found[name] for name in PushRecord._fields if name in found})
    except (FileNotFoundError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def model_digest(saved_model: Folder) -> str:
    """SHA-256 over names and contents of an exported model's files, without its push record and warm-up requests.

    The same for a copy anywhere, so the bytes of a model in a store are read.
    """
    digest = hashlib.sha256()
    for name, content_hash in content_hashes(os.fspath(saved_model)).items():
        if name not in (RECORD_FILE, WARMUP_FILE):
            digest.update(name.encode() + b"\0" + content_hash)
    return digest.hexdigest()
