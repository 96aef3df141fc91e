"""What an operator does to the versions of a model: rollback, promotion, labels.

A server takes the version with the greatest number. So a rollback renames what is newer to `withdrawn-<number>`, where
nothing is lost and no server looks, and a promotion gives an older model a new number.
"""

from __future__ import annotations

import datetime
import os
from typing import NamedTuple

from adclick.errors import AdclickError, SettingsError
from components.pusher.history import LABELLED, PROMOTED, RESTORED, UNLABELLED, WITHDRAWN, note
from components.pusher.labels import check_label, read_labels, write_labels
from components.pusher.locking import exclusive
from components.pusher.pushing import place
from components.pusher.version_moves import remove_version, rename_version
from components.pusher.versions import (
    WITHDRAWN_PREFIX,
    Folder,
    PushRecord,
    in_service,
    model_digest,
    read_record,
    record_in,
    version_uri,
    versions,
    withdrawn_uri,
    withdrawn_versions,
)


class Operator(NamedTuple):
    """Who changes what is in service, and why."""

    who: str
    reason: str


class Rollback(NamedTuple):
    """What came of one."""

    in_service: int
    withdrawn: list[int]
    """Oldest first."""
    labels: dict[str, int]
    """Those that now name a withdrawn version."""


def roll_back(model_folder: Folder, to: int | None, operator: Operator) -> Rollback:
    """Puts version `to`, or the one before that in service, into service again by withdrawing all that are newer.

    Raises SettingsError for a version that is not there, AdclickError where nothing is left to go back to.
    """
    folder = os.fspath(model_folder)
    with exclusive(folder):
        complete = versions(folder)
        if to is None:
            if len(complete) < 2:
                only = f"version {complete[0]} is the only one" if complete else "no version is there"
                raise AdclickError(f"{folder}: {only}, so there is none to go back to; push another, or promote one")
            to = complete[-2]
        elif to not in complete:
            raise _unknown(folder, to, "--to", complete)
        withdrawn = [version for version in complete if version > to]
        # The oldest first: the version in service goes last, so that a server changes once, straight to `to`. Noted
        # before it is done: in a store the second half may fail with the version out of service already.
        for version in withdrawn:
            note(folder, WITHDRAWN, version, operator.who, operator.reason, f"rolled back to version {to}")
            rename_version(folder, str(version), f"{WITHDRAWN_PREFIX}{version}")
        orphaned = {label: version for label, version in read_labels(folder).items() if version in withdrawn}
        return Rollback(to, withdrawn, orphaned)


def promote(model_folder: Folder, version: int, operator: Operator) -> int:
    """Puts a version into service; returns its number, a new one unless it was withdrawn and would be the newest.

    Raises SettingsError for a version that is not there.
    """
    folder = os.fspath(model_folder)
    with exclusive(folder):
        served = in_service(folder)
        if version == served:
            return version
        if version in withdrawn_versions(folder):
            return _put_back(folder, version, served, operator)
        complete = versions(folder)
        if version not in complete:
            raise _unknown(folder, version, "VERSION", complete)
        record = _promoted(folder, version_uri(folder, version), version, served)
        number = place(version_uri(folder, version), folder, record)
        note(folder, PROMOTED, number, operator.who, operator.reason, f"copy of version {version}")
        return number


def _put_back(folder: str, version: int, served: int | None, operator: Operator) -> int:
    name = f"{WITHDRAWN_PREFIX}{version}"
    if served is None or version > served:
        rename_version(folder, name, str(version))
        note(folder, RESTORED, version, operator.who, operator.reason)
        return version
    record = _promoted(folder, withdrawn_uri(folder, version), version, served)
    number = place(withdrawn_uri(folder, version), folder, record)
    remove_version(folder, name)  # else its model would still count as withdrawn
    note(folder, PROMOTED, number, operator.who, operator.reason, f"withdrawn version {version}")
    return number


def _promoted(folder: str, source: str, version: int, served: int | None) -> PushRecord:
    """The record of `source`, told that an operator preferred it to what is in service."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    displaced = read_record(folder, served) if served is not None else None
    kept = record_in(source) or PushRecord(model_digest(source), None, "", now)
    return kept._replace(
        pushed_at=now, promoted_from=version, displaced_digest=displaced.model_digest if displaced else None
    )


def set_label(model_folder: Folder, label: str, version: int, operator: Operator) -> dict[str, int]:
    """All labels after the change. Raises SettingsError for a label or a version that will not do."""
    check_label(label)
    folder = os.fspath(model_folder)
    with exclusive(folder):
        complete = versions(folder)
        if version not in complete:
            raise _unknown(folder, version, "VERSION", complete)
        labels = {**read_labels(folder), label: version}
        write_labels(folder, labels)
        note(folder, LABELLED, version, operator.who, operator.reason, label)
        return labels


def delete_label(model_folder: Folder, label: str, operator: Operator) -> dict[str, int]:
    """The labels that are left. Raises SettingsError for one that is not set."""
    folder = os.fspath(model_folder)
    with exclusive(folder):
        labels = read_labels(folder)
        if label not in labels:
            known = f"the labels are {', '.join(labels)}" if labels else "no label is set"
            raise SettingsError(f"label {label!r} is not set on {folder}; {known}")
        version = labels.pop(label)
        write_labels(folder, labels)
        note(folder, UNLABELLED, version, operator.who, operator.reason, label)
        return labels


def _unknown(folder: str, version: int, argument: str, complete: list[int]) -> SettingsError:
    if version in withdrawn_versions(folder):
        return SettingsError(
            f"{argument} {version}: that version was withdrawn from {folder}; "
            f"`adclick models promote {version}` puts it back into service"
        )
    known = f"the versions are {', '.join(map(str, complete))}" if complete else "no whole version is there"
    return SettingsError(f"{argument} {version}: no such version in {folder}; {known}")
