"""Versions of the served model in memory: who answers, who is still busy, what became of each.

Requests hold a counted handle, so that a version is unloaded only after its last request has finished.
Source of the behaviour: tensorflow_serving/core/basic_manager.cc (ServingMap, ServableHandle).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from serving.models.loader import LoadedModel
from serving.models.version_status import State, VersionStatus
from serving.request_error import Code, RequestError, invalid_argument

_log = logging.getLogger(__name__)


@dataclass
class Servable:
    """A loaded version and the number of requests that use it now."""

    version: int
    model: LoadedModel
    in_flight: int = 0


class VersionTable:
    """Loaded versions and the status of every version seen, safe for use from many threads."""

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name
        self._changed = threading.Condition()
        self._available: dict[int, Servable] = {}
        self._statuses: dict[int, VersionStatus] = {}

    @contextmanager
    def acquire(self, model_name: str, version: int | None = None, label: str | None = None) -> Iterator[Servable]:
        """The servable of `version`, or the newest one; it stays loaded until the block ends.

        Raises:
            RequestError: NOT_FOUND for an unknown model or version, INVALID_ARGUMENT for no name or a label.
        """
        if not model_name:
            raise invalid_argument("ModelSpec has no name specified.")
        if label:
            raise invalid_argument(f"Unrecognized servable version label: {label}")
        with self._changed:
            newest = max(self._available, default=None)
            wanted = newest if version is None else version
            if model_name != self.model_name or wanted is None or wanted not in self._available:
                request = f"Latest({model_name})" if version is None else f"Specific({model_name}, {version})"
                raise RequestError(Code.NOT_FOUND, f"Servable not found for request: {request}")
            servable = self._available[wanted]
            servable.in_flight += 1
        try:
            yield servable
        finally:
            with self._changed:
                servable.in_flight -= 1
                if not servable.in_flight:
                    self._changed.notify_all()

    def publish(self, version: int, model: LoadedModel) -> None:
        """Makes a loaded version answer requests from now on."""
        with self._changed:
            self._available[version] = Servable(version, model)
            self._statuses[version] = VersionStatus(version, State.AVAILABLE)
            self._changed.notify_all()

    def record(self, status: VersionStatus) -> None:
        """Notes the state of a version that is not in service."""
        with self._changed:
            self._statuses[status.version] = status

    def retire(self, version: int, on_unloaded: Callable[[int], None]) -> None:
        """Takes a version out of service at once; unloads it in the background after its last request."""
        with self._changed:
            servable = self._available.pop(version)
            self._statuses[version] = VersionStatus(version, State.UNLOADING)
        # A thread of its own: neither the watcher nor an unlucky request waits for the slowest request.
        threading.Thread(
            target=self._unload, args=(servable, on_unloaded), name=f"unload-{version}", daemon=True
        ).start()

    def _unload(self, servable: Servable, on_unloaded: Callable[[int], None]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not servable.in_flight)
        servable.model.close()
        with self._changed:
            # The same version may have come back meanwhile: its newer status stands.
            if self._statuses[servable.version].state is State.UNLOADING:
                self._statuses[servable.version] = VersionStatus(servable.version, State.END)
        on_unloaded(servable.version)

    def versions_in_service(self) -> list[int]:
        """Versions that answer requests, oldest first."""
        with self._changed:
            return sorted(self._available)

    def wait_for_version(self, timeout_s: float | None) -> bool:
        """Blocks until some version is in service; False where `timeout_s` passes first."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._available), timeout_s)

    def statuses(self, model_name: str, version: int | None = None) -> list[VersionStatus]:
        """Status of one version, or of all that were ever seen, oldest first.

        Raises:
            RequestError: NOT_FOUND, worded as in tensorflow_serving/model_servers/get_model_status_impl.cc.
        """
        with self._changed:
            known = dict(self._statuses) if model_name == self.model_name else {}
        if version is not None:
            if version not in known:
                raise RequestError(Code.NOT_FOUND, f"Could not find version {version} of model {model_name}")
            return [known[version]]
        if not known:
            raise RequestError(Code.NOT_FOUND, f"Could not find any versions of model {model_name}")
        return [known[number] for number in sorted(known)]
