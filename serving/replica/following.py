"""A local copy of a model's folder in a store, made to agree with it: what a server without access to stores watches.

TF Serving has had no s3:// since 2.7, and sees a version of gs:// while it is still being uploaded.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from adclick.errors import AdclickError
from adclick.filesystem import exists, is_folder, join
from adclick.folder_copies import download_folder
from components.pusher.labels import LABELS_FILE, read_labels, write_labels
from components.pusher.versions import MODEL_FILE, model_digest, record_in, version_uri, versions

_UNFINISHED = ".replica-"
_HIDDEN = re.compile(re.escape(_UNFINISHED) + r"\d+")


class Changes(NamedTuple):
    """What one look at the store led to."""

    fetched: list[int]
    removed: list[int]
    refused: dict[int, str]
    """Why a version was not taken."""


def follow(source: str, target: Path, keep: int) -> Changes:
    """Brings the newest `keep` complete versions and the labelled ones, then removes all others.

    A version appears under its number at once, whole, and only if its files are those that were pushed. Nothing is
    removed while the store has no version, nor before the version is here that takes over: a server that finds its
    folder empty would have nothing to answer with.

    Raises:
        AdclickError: the store cannot be read, or has no complete version.
        OSError: the disk cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    for left in target.iterdir():
        if _HIDDEN.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    there = versions(source)
    if not there:
        is_folder(source)  # tells a missing bucket
        raise AdclickError(f"{source}: no complete version; push one, or correct the URI")
    labels = read_labels(source)
    wanted = {*there[-keep:], *labels.values()}.intersection(there)
    here = set(versions(target))
    fetched, refused = [], {}
    for version in sorted(wanted - here, reverse=True):
        reason = _fetch(source, target, version)
        if reason is None:
            fetched.append(version)
        else:
            refused[version] = reason
    here.update(fetched)
    removed = []
    if there[-1] in here:
        removed = sorted(here - wanted)
        for version in removed:
            _remove(target, version)
    _copy_labels(labels, target)
    return Changes(fetched, removed, refused)


def _fetch(source: str, target: Path, version: int) -> str | None:
    """Why the version was not taken; None where it is there now."""
    unfinished = target / f"{_UNFINISHED}{version}"
    try:
        download_folder(version_uri(source, version), unfinished)
        # A rollback takes the graph away first: gone now, the rest may be half gone too.
        if not (unfinished / MODEL_FILE).is_file() or not exists(join(version_uri(source, version), MODEL_FILE)):
            return "it went away during the download"
        record = record_in(unfinished)
        if record is not None and record.model_digest != model_digest(unfinished):
            return "its files are not those that were pushed (the digest of its record differs)"
        unfinished.rename(target / str(version))
    except FileNotFoundError:
        return "it went away during the download"
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return None


def _remove(target: Path, version: int) -> None:
    """Out of the server's sight first, then file by file."""
    hidden = target / f"{_UNFINISHED}{version}"
    (target / str(version)).rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _copy_labels(labels: dict[str, int], target: Path) -> None:
    if labels:
        if labels != _labels_here(target):
            write_labels(target, labels)
    else:
        (target / LABELS_FILE).unlink(missing_ok=True)


def _labels_here(target: Path) -> dict[str, int]:
    try:
        return read_labels(target)
    except AdclickError:
        return {}  # written over
