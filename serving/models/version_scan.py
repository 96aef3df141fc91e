"""What lies under a model's base path: version directories, and whether one of them is still being copied."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_MAX_VERSION = 2**63 - 1


@dataclass(frozen=True)
class Fingerprint:
    """Every file of a version directory with size and modification time: what changes with its content."""

    files: tuple[tuple[str, int, int], ...]  # (relative path, bytes, mtime in ns)


def list_versions(base_path: Path) -> dict[int, Path] | None:
    """Version directories by number; None where `base_path` itself is missing or unreadable.

    A version is a child directory whose name is a non-negative int64
    (tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc, ParseVersionNumber).
    """
    try:
        children = sorted(base_path.iterdir())
    except OSError:
        return None
    return {
        int(child.name): child
        for child in children
        if child.name.isascii() and child.name.isdigit() and int(child.name) <= _MAX_VERSION and child.is_dir()
    }


def fingerprint(version_dir: Path) -> Fingerprint:
    """Fingerprint of the regular files below `version_dir`; empty where the directory is gone."""
    files = []
    for folder, _, names in os.walk(version_dir):
        for name in names:
            path = Path(folder, name)
            try:
                found = path.stat()
            except OSError:  # deleted while being listed: the next look sees the difference
                continue
            if stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its writer, and all loads with it
                files.append((str(path.relative_to(version_dir)), found.st_size, found.st_mtime_ns))
    return Fingerprint(tuple(sorted(files)))


def missing_part(found: Fingerprint) -> str | None:
    """What a copy in place still lacks before a load can succeed, or None.

    Pusher copies top-level files first: `saved_model.pb` is there before `variables/`.
    """
    names = {name for name, _, _ in found.files}
    if not names & {"saved_model.pb", "saved_model.pbtxt"}:
        return "saved_model.pb is missing"
    shards = {name for name in names if name.startswith("variables/variables.data-")}
    if bool(shards) != ("variables/variables.index" in names):
        return "variables/ is incomplete: " + (
            "variables.index is missing" if shards else "variables.data-… is missing"
        )
    for shard in shards:
        total = int(shard.rsplit("-of-", 1)[1]) if shard.rsplit("-of-", 1)[-1].isdigit() else len(shards)
        if len(shards) < total:
            return f"variables/ is incomplete: {len(shards)} of {total} data files are there"
    return None
