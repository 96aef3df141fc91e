"""A version of one model folder put into another, such as staging's into production's, which may be another store."""

from __future__ import annotations

import datetime
import os
import tempfile
from pathlib import Path

from adclick.errors import AdclickError, SettingsError
from adclick.folder_copies import download_folder
from components.pusher.history import ADOPTED, note
from components.pusher.lifecycle import Operator
from components.pusher.pushing import place, require_not_withdrawn
from components.pusher.versions import (
    MODEL_FILE,
    Folder,
    in_service,
    model_digest,
    read_record,
    record_in,
    version_uri,
    versions,
)


def adopt(model_folder: Folder, source: Folder, version: int | None, operator: Operator) -> int:
    """Copies a version of `source` (None: the one in service) as the newest; returns its number here.

    Only a model that a run pushed past its gate is taken, and only with the files that were pushed. What is in service
    here already keeps its number; what an operator took out of service here stays out.

    Raises:
        SettingsError: there is no such version.
        AdclickError: the version has no record, other files than its record says, or was withdrawn here.
    """
    folder, source = os.fspath(model_folder), os.fspath(source)
    complete = versions(source)
    if version is None and complete:
        version = complete[-1]
    if version is None or version not in complete:
        known = f"the versions are {', '.join(map(str, complete))}" if complete else "there is none"
        raise SettingsError(f"{source}: no version {version or 'to adopt'}; {known}")
    with tempfile.TemporaryDirectory(prefix="adclick-adopt-") as scratch:
        copy = Path(scratch) / str(version)
        download_folder(version_uri(source, version), copy)
        record = record_in(copy)
        if record is None or not (copy / MODEL_FILE).is_file():
            raise AdclickError(
                f"{version_uri(source, version)}: was not pushed by a run, so no gate has judged it; "
                "adopt one that `adclick models list` shows with a run"
            )
        if record.model_digest != model_digest(copy):
            raise AdclickError(
                f"{version_uri(source, version)}: its files are not those that were pushed (the digest of its record "
                "differs); push it again, and find out who changed it"
            )
        served = in_service(folder)
        known_here = read_record(folder, served) if served is not None else None
        if served is not None and known_here is not None and known_here.model_digest == record.model_digest:
            return served
        require_not_withdrawn(folder, record.model_digest, served)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        ours = record._replace(pushed_at=now, baseline_version=served, promoted_from=None, displaced_digest=None)
        number = place(copy, folder, ours)
    note(folder, ADOPTED, number, operator.who, operator.reason, f"copy of {version_uri(source, version)}")
    return number
