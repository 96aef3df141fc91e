"""All models of a server: which are served, in which versions, and how that changes while requests run.

One thread looks at the base paths and the model config file; loads and unloads run in threads of their own.
Source of the behaviour: tensorflow_serving/core/aspired_versions_manager.cc and model_servers/server_core.cc.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serving.models.config_follower import ConfigFollower
from serving.models.load_job import Loader, LoadJob, LoadResult
from serving.models.load_threads import LoadThreads, UnloadThreads
from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig, configs_from_proto
from serving.models.model_loader import model_loader
from serving.models.model_watch import ModelWatch
from serving.models.servable_table import Handle, Servable, ServableTable
from serving.models.version_labels import label_refused
from serving.models.version_status import State, VersionStatus
from serving.request_error import Code, RequestError, invalid_argument

_log = logging.getLogger(__name__)

_DEFAULT_OPTIONS = ManagerOptions()
_COPY_POLL_S = 0.2  # while a version is being copied: its arrival is waited for, not the next poll
_WAIT_SLICE_S = 0.5  # so that a wait without limit notices a stop

Announce = Callable[[str, str], None]
"""(model name, change) for every version that comes or goes."""


class Models:
    """The models of one server. Requests `acquire` a version; everything else happens in the background."""

    def __init__(
        self,
        configs: Sequence[ModelConfig],
        options: ManagerOptions = _DEFAULT_OPTIONS,
        load: Loader | None = None,
        announce: Announce | None = None,
        prepare: Mapping[str, Any] | None = None,
    ) -> None:
        """`load` is by default `model_loader(options, prepare)`; `prepare` as in `serving.models.warmup`."""
        self._options = options
        self._announce = announce or _announce_to_log
        self._table = ServableTable()
        self._changed = threading.Condition(threading.RLock())  # guards what follows, and tells of every change
        self._watches: dict[str, ModelWatch] = {}
        self._stopping = False
        self._looks_asked = 0
        self._reload_lock = threading.Lock()
        self._loads = LoadThreads(options.num_load_threads, load or model_loader(options, prepare), self._load_finished)
        self._unloads = UnloadThreads(options.num_unload_threads, self._unloaded)
        self._follower = ConfigFollower(options.config_file, options.config_poll_wait_s)
        self._thread = threading.Thread(target=self._run, name="model-manager", daemon=True)
        self._configure(configs)

    def start(self) -> None:
        """Starts looking for versions in the background; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Stops looking; waits for a load under way, and returns whether it ended. Models in service stay loaded."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return self._loads.join(timeout_s) and not self._thread.is_alive()

    def acquire(self, name: str, version: int | None = None, label: str | None = None) -> Handle:
        """`with models.acquire(…) as servable:` keeps the version loaded until the block ends.

        Without version and label it is the newest one in service. The block may span awaits and threads.

        Raises (on entering):
            RequestError: NOT_FOUND for an unknown model or version, INVALID_ARGUMENT for no name or an unknown label.
        """
        return Handle(self._table, name, version, label)

    def statuses(self, name: str, version: int | None = None, label: str | None = None) -> list[VersionStatus]:
        """Status of one version, or of all that were ever seen, newest first.

        Raises:
            RequestError: NOT_FOUND for an unknown model or version, INVALID_ARGUMENT for an unknown label.
        """
        return self._table.statuses(name, version, label)

    def names(self) -> list[str]:
        """Configured models, whether they answer or not."""
        with self._changed:
            return list(self._watches)

    def in_service(self) -> dict[str, list[int]]:
        """Versions that answer requests, oldest first, for each configured model."""
        return {name: self._table.in_service(name) for name in self.names()}

    def labels(self, name: str) -> dict[str, int]:
        """Labels of a model that requests may use now."""
        return self._table.labels(name)

    def wait_until_available(self, timeout_s: float | None = None) -> bool:
        """Blocks until the server can answer; False where `timeout_s` passes first.

        That is: each model has a version in service or nothing that could be loaded now, and at least one model
        has a version in service. One broken model does not keep the others from being served.
        """
        with self._changed:
            return self._wait_for(
                lambda: (
                    all(watch.settled for watch in self._watches.values())
                    and (not self._watches or any(watch.in_service for watch in self._watches.values()))
                ),
                timeout_s,
            )

    def reload(self, model_server_config: Any, timeout_s: float | None = None) -> None:
        """Serves the models of a ModelServerConfig from now on; blocks until those that are new answer.

        Models it leaves out are unloaded. Source: model_service_impl.cc, server_core.cc ReloadConfig. Unlike there,
        a refused configuration changes nothing, and a new model without anything to load is an error, not a wait.

        Raises:
            RequestError: INVALID_ARGUMENT for a config that cannot be served, FAILED_PRECONDITION for a label on a
                version not in service, UNKNOWN where a new model failed to load, DEADLINE_EXCEEDED after `timeout_s`.
        """
        if model_server_config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        configs = configs_from_proto(model_server_config, self.names())
        with self._reload_lock, self._changed:
            for config in configs:
                self._check_labels(config)
            new = [config.name for config in configs if config.name not in self._watches]
            self._configure(configs)
            self._ask_for_look()
            if not self._wait_for(lambda: self._settled(new), timeout_s):
                raise RequestError(
                    Code.DEADLINE_EXCEEDED, f"Models are still being loaded: {', '.join(new)}; see their status"
                )
            failed = [self._watches[name] for name in new if name in self._watches and not self._in_service(name)]
            if failed:
                reasons = "".join(f"{{{watch.why_unavailable()}}}, " for watch in failed)
                raise RequestError(Code.UNKNOWN, f"{len(failed)} model(s) did not become available: {{{reasons}}}")

    def poll(self) -> None:
        """One look at the config file and all base paths, and the loads and unloads that follow from it."""
        self._follow_config()
        with self._changed:
            watches = list(self._watches.values())
        for watch in watches:
            with self._changed:
                watch.look()
                watch.labels.look()
        self._advance()

    def _configure(self, configs: Sequence[ModelConfig]) -> None:
        with self._changed:
            for name in set(self._watches) - {config.name for config in configs}:
                watch = self._watches.pop(name)
                self._table.set_labels(name, {})
                for version in watch.in_service:
                    self._retire(name, version)
            for config in configs:
                known = self._watches.get(config.name)
                if known is None:
                    self._watches[config.name] = ModelWatch(config, self._options, self._table)
                else:
                    known.reconfigure(config)
                self._watches[config.name].labels.apply()
            self._changed.notify_all()

    def _check_labels(self, config: ModelConfig) -> None:
        watch = self._watches.get(config.name)
        if watch is not None:
            watch.labels.check(config)
        elif config.labels and not self._options.allow_labels_for_unavailable:
            raise label_refused(config.name, next(iter(config.labels.values())))

    def _follow_config(self) -> None:
        configs = self._follower.changed_configs()
        if configs is not None:
            self._configure(configs)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                looks_asked = self._looks_asked
            try:
                self.poll()
            except Exception:  # the management must outlive whatever it meets
                _log.exception("Looking for model versions failed; will look again")
            with self._changed:
                self._changed.notify_all()
                looked_s = time.monotonic()
                # Every change wakes the wait, as it may bring the next look forward.
                while not self._stopping and self._looks_asked == looks_asked:
                    next_look_s = self._next_look_s(looked_s)
                    left_s = None if next_look_s is None else next_look_s - time.monotonic()
                    if left_s is not None and left_s <= 0:
                        break
                    self._changed.wait(left_s)

    def _next_look_s(self, looked_s: float) -> float | None:
        """Time of the next look on the monotonic clock; None where there will be none unless asked for."""
        follow_s = self._follower.next_look_s
        if self._options.poll_wait_s == 0 and all(watch.in_service for watch in self._watches.values()):
            return follow_s
        poll_wait_s = self._options.poll_wait_s or 1.0
        if any(watch.copying for watch in self._watches.values()):
            poll_wait_s = min(_COPY_POLL_S, poll_wait_s)
        next_s = looked_s + poll_wait_s
        return next_s if follow_s is None else min(next_s, follow_s)

    def _advance(self) -> None:
        """Starts what is to be loaded and retires what is no longer wanted, until nothing more can be done."""
        while True:
            with self._changed:
                jobs: list[LoadJob] = []
                for watch in self._watches.values():
                    for version in watch.versions_to_retire():
                        self._retire(watch.config.name, version)
                    watch.labels.apply()
                    if not self._stopping:
                        jobs += watch.next_jobs(self._loads.free - len(jobs))
                beside_requests = any(watch.in_service for watch in self._watches.values())
                self._changed.notify_all()
            if not jobs:
                return
            for job in jobs:
                self._loads.start(job, beside_requests)

    def _load_finished(self, job: LoadJob, result: LoadResult) -> None:
        with self._changed:
            watch = self._watches.get(job.model_name)
            if watch is None or not watch.is_loading(job):  # taken out of the configuration meanwhile
                if result.model is not None:
                    result.model.close()
                if watch is None:
                    self._table.record(job.model_name, VersionStatus(job.version, State.END))
                return
            replaced = watch.in_service
            change = watch.finish(job, result)
            replaced = [version for version in replaced if version in watch.versions_to_retire()]
            self._changed.notify_all()
        if change:
            instead = f", in place of version {replaced[-1]}" if replaced else ""
            self._announce(job.model_name, change + instead)
        if self._options.num_load_threads:
            self._advance()

    def _retire(self, name: str, version: int) -> None:
        self._unloads.start(self._table.retire(name, version))

    def _unloaded(self, servable: Servable) -> None:
        self._table.record_unloaded(servable.model_name, servable.version)
        self._announce(servable.model_name, f"version {servable.version} unloaded")

    def _in_service(self, name: str) -> list[int]:
        return self._table.in_service(name)

    def _settled(self, names: Sequence[str]) -> bool:
        return all(name not in self._watches or self._watches[name].settled for name in names)

    def _ask_for_look(self) -> None:
        self._looks_asked += 1
        self._changed.notify_all()

    def _wait_for(self, condition: Callable[[], bool], timeout_s: float | None) -> bool:
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not condition():
            left_s = _WAIT_SLICE_S if ends_s is None else min(_WAIT_SLICE_S, ends_s - time.monotonic())
            if left_s <= 0 or self._stopping:
                return False
            self._changed.wait(left_s)
        return True


def _announce_to_log(name: str, change: str) -> None:
    _log.info("model '%s': %s", name, change)
