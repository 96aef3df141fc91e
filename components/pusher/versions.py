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
MODEL_FILE = "saved_model.pb"

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


def versions(model_folder: Folder) -> list[int]:
    """Complete versions, oldest first."""
    return [number for number in sorted(taken_numbers(model_folder)) if _is_complete(model_folder, number)]


def taken_numbers(model_folder: Folder) -> list[int]:
    """Numbers that are taken, half-copied versions included; none beyond 64 bits, which is no version to a server."""
    names = list_names(os.fspath(model_folder))
    return [int(name) for name in names if re.fullmatch("0|[1-9][0-9]*", name) and int(name) < 1 << 63]


def in_service(model_folder: Folder) -> int | None:
    """The version that a server takes: the newest complete one."""
    newest_first = sorted(taken_numbers(model_folder), reverse=True)
    return next((number for number in newest_first if _is_complete(model_folder, number)), None)


def version_uri(model_folder: Folder, version: int) -> str:
    """Where a version lies."""
    return join(os.fspath(model_folder), str(version))


def _is_complete(model_folder: Folder, version: int) -> bool:
    return exists(join(version_uri(model_folder, version), MODEL_FILE))


def read_record(model_folder: Folder, version: int) -> PushRecord | None:
    """The version's record; None for a model that came here by another way."""
    try:
        return PushRecord(**json.loads(read_bytes(join(version_uri(model_folder, version), RECORD_FILE))))
    except (FileNotFoundError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
        return None


def model_digest(saved_model: Folder) -> str:
    """SHA-256 over names and contents of an exported model's files, its push record left out.

    The same for a copy anywhere, so the bytes of a model in a store are read.
    """
    digest = hashlib.sha256()
    for name, content_hash in content_hashes(os.fspath(saved_model)).items():
        if name != RECORD_FILE:
            digest.update(name.encode() + b"\0" + content_hash)
    return digest.hexdigest()
