"""Kubeflow Pipelines as a `PipelineApi`."""

from __future__ import annotations

from typing import Any

from configs.settings import Settings
from pipeline.kubeflow.submission.api import Scheduled
from pipeline.kubeflow.submission.connection import connect
from pipeline.kubeflow.submission.package import Package
from pipeline.kubeflow.submission.pipelines import upload
from pipeline.kubeflow.submission.recurring import ensure_schedule
from pipeline.kubeflow.submission.run_view import RunView
from pipeline.kubeflow.submission.runs import (
    ensure_experiment,
    experiment_name,
    look,
    newest_run,
    start_run,
    steps_of_run,
)


class KubeflowApi:
    """The API at `submission.host`."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError, ApiError."""
        self._settings = settings
        self._connection = connect(settings.submission)
        self.address = self._connection.host

    def start(self, package: Package, parameters: dict[str, Any]) -> str:
        """ID of a new run of the version with these contents, which is uploaded if it is not there."""
        experiment_id = ensure_experiment(self._connection, experiment_name(self._settings))
        version = upload(self._connection, package)
        return start_run(self._connection, self._settings, version, experiment_id, parameters)

    def schedule(self, package: Package, parameters: dict[str, Any]) -> Scheduled:
        """One recurring run of that version."""
        experiment_id = ensure_experiment(self._connection, experiment_name(self._settings))
        version = upload(self._connection, package)
        return ensure_schedule(self._connection, self._settings, version, experiment_id, parameters)

    def look(self, run_id: str) -> RunView:
        """How a run stands."""
        return look(self._connection, run_id)

    def steps(self, run_id: str) -> list[str]:
        """Names of a run's steps in order."""
        return steps_of_run(self._connection, run_id)

    def newest(self) -> str:
        """ID of the newest run of the settings' experiment."""
        return newest_run(self._connection, experiment_name(self._settings))

    def log_command(self, run_id: str) -> str:
        """For kubectl; the backend labels a run's pods with its ID."""
        namespace = self._connection.namespace or "kubeflow"
        return f"kubectl logs -n {namespace} -l pipeline/runid={run_id} -c main --tail=-1 --prefix"
