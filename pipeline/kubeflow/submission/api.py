"""What `adclick kubeflow submit` and `status` need of an API, and the API that the settings name."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from configs.settings import Settings
from pipeline.kubeflow.submission.package import Package
from pipeline.kubeflow.submission.run_view import RunView


class Scheduled(NamedTuple):
    """A recurring run, and what was done for it."""

    schedule_id: str
    name: str
    change: str
    """`created`, `updated` or `unchanged`."""
    disabled: tuple[str, ...] = ()
    """IDs of the former ones."""


class PipelineApi(Protocol):
    """Runs compiled pipelines. Every method raises ApiError."""

    address: str
    """For messages."""

    def start(self, package: Package, parameters: dict[str, Any]) -> str:
        """ID of a new run."""

    def schedule(self, package: Package, parameters: dict[str, Any]) -> Scheduled:
        """One recurring run of the settings' name, as they say."""

    def look(self, run_id: str) -> RunView:
        """How a run stands."""

    def steps(self, run_id: str) -> list[str]:
        """Names of a run's steps in order; none where the API does not tell."""

    def newest(self) -> str:
        """ID of the newest run. Raises SettingsError where there is none."""

    def log_command(self, run_id: str) -> str:
        """How to read the logs of a run's steps."""


def open_api(settings: Settings) -> PipelineApi:
    """The API of `submission.target`, which has answered. Raises SettingsError, ApiError."""
    if settings.submission.target == "vertex":
        from pipeline.kubeflow.submission.vertex import VertexApi

        return VertexApi(settings)
    from pipeline.kubeflow.submission.kubeflow import KubeflowApi

    return KubeflowApi(settings)
