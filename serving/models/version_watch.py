"""Follows a model's base path: loads new versions, retries broken ones, rolls back when the newest goes.

Policy, from tensorflow_serving/core/availability_preserving_policy.h: load the new version first, and only
when it is ready unload the old one. Two rules are stricter than the original's, for availability:

- A broken newest version does not keep the server from starting: the newest that loads answers.
- A base path that is missing *or has become empty* leaves the version in service where it is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.models.loader import LoadedModel
from serving.models.version_scan import Fingerprint, fingerprint, list_versions, missing_part
from serving.models.version_status import State, VersionStatus
from serving.models.version_table import VersionTable
from serving.request_error import Code

_log = logging.getLogger(__name__)

_COPY_POLL_S = 0.2  # while a version is being copied: its arrival is waited for, not the next poll
_COPY_QUIET_S = 30.0  # a broken version that has not changed for so long is no longer a copy under way
_MAX_RETRY_S = 60.0  # the original's interval between retries of a failed load

Loader = Callable[[Path], LoadedModel]
Announce = Callable[[str], None]


@dataclass
class _Failure:
    """Last failed attempt at a version; times are of the monotonic clock."""

    found: Fingerprint
    reason: str
    first_seen_s: float
    retry_at_s: float
    retry_delay_s: float


class VersionWatch:
    """Keeps a `VersionTable` in step with the folders under `base_path`, one version in service at a time."""

    def __init__(
        self, base_path: Path, table: VersionTable, load: Loader, announce: Announce, poll_wait_s: float = 1.0
    ) -> None:
        """`announce` gets a line per version change; `poll_wait_s` 0 stops looking once a version serves."""
        self._base_path = base_path
        self._table = table
        self._load = load
        self._announce = announce
        self._poll_wait_s = poll_wait_s
        self._failures: dict[int, _Failure] = {}
        self._trouble_said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="version-watch", daemon=True)

    def start(self) -> None:
        """Starts following the base path in the background."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stops following; waits for a load under way, as TensorFlow cannot interrupt one."""
        self._stop.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
            except Exception:  # the server must go on serving what it has, whatever the file system does
                _log.exception("Looking for versions under %s failed; will look again", self._base_path)
            if self._poll_wait_s == 0 and self._table.versions_in_service():
                return
            self._stop.wait(self._wait_s())

    def _wait_s(self) -> float:
        poll_wait_s = self._poll_wait_s or 1.0
        now_s = time.monotonic()
        copying = any(now_s - failure.first_seen_s < _COPY_QUIET_S for failure in self._failures.values())
        return min(_COPY_POLL_S, poll_wait_s) if copying else poll_wait_s

    def poll(self) -> None:
        """One look at the base path, and whatever loading and unloading follows from it."""
        versions = list_versions(self._base_path)
        if not versions:
            self._say_trouble(
                f"Base path {self._base_path} does not exist"
                if versions is None
                else f"No version (a folder named by a number, such as '1') under {self._base_path}"
            )
            return
        self._trouble_said = ""
        for gone in self._failures.keys() - versions.keys():
            del self._failures[gone]
            self._table.record(VersionStatus(gone, State.END, Code.NOT_FOUND, "Deleted before it could be loaded"))
        in_service = self._table.versions_in_service()
        for version in sorted(versions, reverse=True):
            if version in in_service:
                return  # nothing newer can be loaded
            if self._stop.is_set() or self._try_version(version, versions[version]):
                return

    def _say_trouble(self, trouble: str) -> None:
        if trouble != self._trouble_said:
            in_service = self._table.versions_in_service()
            keeps = f"; version {in_service[-1]} stays in service" if in_service else "; waiting for a first version"
            _log.warning("%s%s", trouble, keeps)
            self._trouble_said = trouble

    def _try_version(self, version: int, version_dir: Path) -> bool:
        """Loads `version` and puts it in the place of the others; False where it cannot be loaded now."""
        before = fingerprint(version_dir)
        failure = self._failures.get(version)
        if failure and failure.found == before and time.monotonic() < failure.retry_at_s:
            return False
        reason = missing_part(before)
        if reason is not None:
            self._fail(version, before, f"Not complete yet: {reason}", Code.UNAVAILABLE)
            return False
        self._table.record(VersionStatus(version, State.LOADING))
        started_s = time.monotonic()
        try:
            model = self._load(version_dir)
        except Exception as error:
            # TensorFlow raises a different type for each kind of damage: none may stop the watch.
            self._fail(version, before, _one_line(error), _code_of(error))
            return False
        if fingerprint(version_dir) != before:
            model.close()
            self._fail(version, before, "Files changed while it was being loaded", Code.UNAVAILABLE)
            return False
        self._failures.pop(version, None)
        self._switch_to(version, model, time.monotonic() - started_s)
        return True

    def _switch_to(self, version: int, model: LoadedModel, load_s: float) -> None:
        replaced = self._table.versions_in_service()
        self._table.publish(version, model)
        instead = f", in place of version {replaced[-1]}" if replaced else ""
        self._announce(f"version {version} in service (loaded in {load_s:.2f} s){instead}")
        for old in replaced:
            self._table.retire(old, lambda gone: self._announce(f"version {gone} unloaded"))

    def _fail(self, version: int, found: Fingerprint, reason: str, code: Code) -> None:
        previous = self._failures.get(version)
        now_s = time.monotonic()
        if previous is None or previous.found != found:
            delay_s, first_seen_s = 1.0, now_s
        else:
            delay_s, first_seen_s = min(2 * previous.retry_delay_s, _MAX_RETRY_S), previous.first_seen_s
        self._failures[version] = _Failure(found, reason, first_seen_s, now_s + delay_s, delay_s)
        self._table.record(VersionStatus(version, State.END, code, reason))
        if previous is None or previous.reason != reason:
            in_service = self._table.versions_in_service()
            keeps = f"version {in_service[-1]} stays in service" if in_service else "no version is in service"
            _log.warning(
                "Version %d of %s cannot be loaded: %s; %s; next try when its files change, or in %.0f s",
                version, self._base_path, reason, keeps, delay_s,
            )  # fmt: skip


def _one_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return text[:1000] or type(error).__name__


def _code_of(error: Exception) -> Code:
    number = getattr(error, "error_code", None)  # tf.errors.OpError has one; OSError and ValueError do not
    return Code.from_number(number) if isinstance(number, int) else Code.INVALID_ARGUMENT
