"""Model versions in memory: who answers, who is still busy, what became of each.

Requests hold a counted handle, so that a version is unloaded only after its last request has finished.
Source of the behaviour: tensorflow_serving/core/basic_manager.cc (ServingMap, ServableHandle).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from serving.models.loader import LoadedModel
from serving.models.version_status import State, VersionStatus
from serving.request_error import Code, RequestError, invalid_argument


class Servable:
    """A loaded version and the number of requests that use it now."""

    __slots__ = ("idle", "in_flight", "model", "model_name", "retired", "version")

    def __init__(self, model_name: str, version: int, model: LoadedModel) -> None:
        self.model_name = model_name
        self.version = version
        self.model = model
        self.in_flight = 0
        self.retired = False
        self.idle = threading.Event()  # set once retired and without requests


@dataclass
class _Model:
    """One model's versions; `newest` saves a search for each request."""

    available: dict[int, Servable] = field(default_factory=dict)
    newest: Servable | None = None
    labels: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, VersionStatus] = field(default_factory=dict)


class Handle:
    """Holds a servable from `__enter__` to `__exit__`, which may happen in different threads."""

    # A class of its own in place of contextlib's generator, which costs several microseconds a request.
    __slots__ = ("_label", "_name", "_servable", "_table", "_version")

    def __init__(self, table: ServableTable, name: str, version: int | None, label: str | None) -> None:
        self._table = table
        self._name = name
        self._version = version
        self._label = label

    def __enter__(self) -> Servable:
        table = self._table
        with table.lock:
            servable = table.find(self._name, self._version, self._label)
            servable.in_flight += 1
        self._servable = servable
        return servable

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        servable = self._servable
        with self._table.lock:
            servable.in_flight -= 1
            if servable.retired and not servable.in_flight:
                servable.idle.set()


class ServableTable:
    """Loaded versions of all models and the status of every version seen, safe for use from many threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # held for a few bytecodes at a time
        self._models: dict[str, _Model] = {}

    def acquire(self, name: str, version: int | None = None, label: str | None = None) -> Handle:
        """`with table.acquire(…) as servable:` keeps the version loaded until the block ends.

        Without version and label it is the newest one in service. Entering raises:
            RequestError: NOT_FOUND for an unknown model or version, INVALID_ARGUMENT for no name or an unknown label.
        """
        return Handle(self, name, version, label)

    def find(self, name: str, version: int | None, label: str | None) -> Servable:
        """The servable a request means; to be called with the lock held."""
        model = self._models.get(name)
        if label is not None and name:
            # Source of order and words: server_core.cc, ServableRequestFromModelSpec, GetModelVersionForLabel.
            version = None if model is None else model.labels.get(label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        if model is not None:
            servable = model.newest if version is None else model.available.get(version)
            if servable is not None:
                return servable
        if not name:
            raise invalid_argument("ModelSpec has no name specified.")
        request = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(Code.NOT_FOUND, f"Servable not found for request: {request}")

    def publish(self, servable: Servable) -> None:
        """Makes a loaded version answer requests from now on."""
        with self.lock:
            model = self._models.setdefault(servable.model_name, _Model())
            model.available[servable.version] = servable
            model.newest = model.available[max(model.available)]
            model.statuses[servable.version] = VersionStatus(servable.version, State.AVAILABLE)

    def retire(self, name: str, version: int) -> Servable:
        """Takes a version out of service at once; its `idle` is set after its last request."""
        with self.lock:
            model = self._models[name]
            servable = model.available.pop(version)
            model.newest = model.available[max(model.available)] if model.available else None
            model.statuses[version] = VersionStatus(version, State.UNLOADING)
            servable.retired = True
            if not servable.in_flight:
                servable.idle.set()
        return servable

    def record(self, name: str, status: VersionStatus) -> None:
        """Notes the state of a version that is not in service."""
        with self.lock:
            self._models.setdefault(name, _Model()).statuses[status.version] = status

    def record_unloaded(self, name: str, version: int) -> None:
        """Notes that a retired version is gone, unless it has come back meanwhile: its newer status stands."""
        with self.lock:
            statuses = self._models[name].statuses
            if statuses[version].state is State.UNLOADING:
                statuses[version] = VersionStatus(version, State.END)

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replaces the labels of a model."""
        with self.lock:
            self._models.setdefault(name, _Model()).labels = dict(labels)

    def labels(self, name: str) -> dict[str, int]:
        """The labels of a model that requests may use now."""
        with self.lock:
            model = self._models.get(name)
            return dict(model.labels) if model else {}

    def in_service(self, name: str) -> list[int]:
        """Versions of a model that answer requests, oldest first."""
        with self.lock:
            model = self._models.get(name)
            return sorted(model.available) if model else []

    def statuses(self, name: str, version: int | None = None, label: str | None = None) -> list[VersionStatus]:
        """Status of one version, or of all that were ever seen, newest first.

        Raises:
            RequestError: NOT_FOUND, worded as in tensorflow_serving/model_servers/get_model_status_impl.cc, and
                INVALID_ARGUMENT for an unknown label.
        """
        with self.lock:
            model = self._models.get(name)
            known = dict(model.statuses) if model else {}
            labelled = model.labels.get(label) if model and label is not None else None
        if label is not None:
            if labelled is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
            version = labelled
        if version is not None:
            if version not in known:
                raise RequestError(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
            return [known[version]]
        if not known:
            raise RequestError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        return [known[number] for number in sorted(known, reverse=True)]
