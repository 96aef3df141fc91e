"""Follows one model's base path: what to load, what to let go, what failed and why.

All methods but those of the table are for one thread at a time: `Models` holds a lock around them.
"""

from __future__ import annotations

import logging
from pathlib import Path

from serving.models.load_failures import LoadFailures
from serving.models.load_job import LoadJob, LoadResult
from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig
from serving.models.servable_table import Servable, ServableTable
from serving.models.version_labels import VersionLabels
from serving.models.version_plan import Plan, plan_versions
from serving.models.version_scan import fingerprint, list_versions, missing_part
from serving.models.version_status import State, VersionStatus
from serving.request_error import Code

_log = logging.getLogger(__name__)


class ModelWatch:
    """Keeps one model's versions in the table in step with the folders under its base path."""

    def __init__(self, config: ModelConfig, options: ManagerOptions, table: ServableTable) -> None:
        self.config = config
        self.looked = False  # whether the base path has been read since the model was configured
        self.labels = VersionLabels(config, table, options.allow_labels_for_unavailable)
        self._table = table
        self._failures = LoadFailures(options.max_num_load_retries, options.load_retry_interval_s)
        self._loading: set[int] = set()
        self._found: dict[int, Path] = {}
        self._trouble = ""
        self._failed_since_look: set[int] = set()  # not tried again before the next look, however files change

    def reconfigure(self, config: ModelConfig) -> None:
        """Takes another base path, policy or labels; versions in service keep answering meanwhile."""
        if config.base_path != self.config.base_path:
            for version in self._failures.versions():
                self._failures.forget(version)
            self.looked = False
        self.config = config
        self.labels.reconfigure(config)

    def look(self) -> None:
        """Reads the base path."""
        self._failed_since_look.clear()
        found = list_versions(self.config.base_path)
        self._found = found or {}
        self._say_trouble(self._trouble_with(found))
        self.looked = True
        if not found:
            return
        for gone in set(self._failures.versions()) - found.keys():
            self._failures.forget(gone)
            self._record(gone, State.END, Code.NOT_FOUND, "Deleted before it could be loaded")

    def _trouble_with(self, found: dict[int, Path] | None) -> str:
        if found is None:
            return f"Base path {self.config.base_path} does not exist"
        if not found:
            return f"No version (a folder named by a number, such as '1') under {self.config.base_path}"
        specific = self.config.policy.specific
        if specific is not None and specific - found.keys():
            absent = ", ".join(str(version) for version in sorted(specific - found.keys()))
            return f"Version {absent} that model_version_policy names is not under {self.config.base_path}"
        return ""

    def next_jobs(self, free_loads: int) -> list[LoadJob]:
        """Loads to start now, at most `free_loads`, the most wanted first."""
        jobs: list[LoadJob] = []
        while len(jobs) < free_loads:
            load = self._plan().load
            if not load:
                break
            version = load[0]
            found = fingerprint(self._found[version])
            reason = missing_part(found)
            if reason is not None:
                self._fail(version, LoadResult(found, code=Code.UNAVAILABLE, reason=f"Not complete yet: {reason}"))
                continue
            self._loading.add(version)
            self._record(version, State.LOADING)
            jobs.append(LoadJob(self.config.name, version, self._found[version], found))
        return jobs

    def versions_to_retire(self) -> tuple[int, ...]:
        """Versions in service that the policy no longer wants, once those it wants are there."""
        return self._plan().retire

    def _plan(self) -> Plan:
        waiting = [
            version
            for version in self._failures.versions()
            if version in self._failed_since_look
            or (version in self._found and self._failures.waiting(version, fingerprint(self._found[version])))
        ]
        in_service = self._table.in_service(self.config.name)
        return plan_versions(self.config.policy, self._found, in_service, self._loading, waiting)

    def is_loading(self, job: LoadJob) -> bool:
        """Whether `job` was started by this watch."""
        return job.version in self._loading

    def finish(self, job: LoadJob, result: LoadResult) -> str | None:
        """Publishes a loaded version, or notes why it failed; what to announce, if anything."""
        self._loading.discard(job.version)
        if result.model is None:
            self._fail(job.version, result)
            return None
        self._failures.forget(job.version)
        self._table.publish(Servable(self.config.name, job.version, result.model))
        return f"version {job.version} in service (loaded in {result.load_s:.2f} s)"

    @property
    def in_service(self) -> list[int]:
        """Versions that answer requests, oldest first."""
        return self._table.in_service(self.config.name)

    @property
    def settled(self) -> bool:
        """Whether waiting is pointless: a version answers, or what was found failed and is not being copied."""
        if self.in_service:
            return True
        if not self.looked or self._loading or self._plan().load:
            return False
        return not any(self._failures.copying(version) for version in self._failures.versions())

    @property
    def copying(self) -> bool:
        """Whether files may be arriving now, which is worth looking often."""
        return self._failures.any_lately()

    def why_unavailable(self) -> str:
        """The servable and its error, in the form of server_core.cc, WaitUntilModelsAvailable."""
        for version in sorted(self._failures.versions(), reverse=True):
            failure = self._failures.get(version)
            if failure is not None:
                error = f"{failure.code.name}: {failure.reason}"
                return f"{{name: {self.config.name} version: {version}}} due to error: {error}"
        return f"{{name: {self.config.name}}} due to error: NOT_FOUND: {self._trouble}"

    def _fail(self, version: int, result: LoadResult) -> None:
        previous = self._failures.get(version)
        self._failed_since_look.add(version)
        failure = self._failures.note(version, result.found, result.code, result.reason)
        self._record(version, State.END, result.code, result.reason)
        if previous is None or previous.reason != result.reason:
            or_in = "" if failure.retry_delay_s is None else f", or in {failure.retry_delay_s:.0f} s"
            _log.warning(
                "Version %d of %s cannot be loaded: %s; %s; next try when its files change%s",
                version, self.config.base_path, result.reason, self._keeps(), or_in,
            )  # fmt: skip

    def _keeps(self) -> str:
        in_service = self.in_service
        return f"version {in_service[-1]} stays in service" if in_service else "no version is in service"

    def _say_trouble(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.warning("Model %s: %s; %s", self.config.name, trouble, self._keeps())
        self._trouble = trouble

    def _record(self, version: int, state: State, code: Code = Code.OK, message: str = "") -> None:
        self._table.record(self.config.name, VersionStatus(version, state, code, message))
