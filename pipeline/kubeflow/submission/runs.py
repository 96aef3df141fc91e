"""Experiments and runs of Kubeflow Pipelines."""

from __future__ import annotations

import datetime
import secrets
from typing import Any

from adclick.errors import SettingsError
from configs.settings import Settings
from pipeline.kubeflow.submission.connection import Connection
from pipeline.kubeflow.submission.failures import ApiError
from pipeline.kubeflow.submission.package import ordered_tasks
from pipeline.kubeflow.submission.pipelines import Version, named
from pipeline.kubeflow.submission.run_view import RunView, view_of


def experiment_name(settings: Settings) -> str:
    """The experiment that the settings' runs belong to."""
    return settings.submission.experiment or settings.pipeline_name


def root_of(settings: Settings) -> str | None:
    """Folder of the artifacts as it is told at submission; none: the server has one."""
    if settings.submission.pipeline_root is not None:
        return settings.submission.pipeline_root
    root = settings.pipeline_root
    return root.rstrip("/") if root is not None and "://" in root else None


def unique_name(settings: Settings) -> str:
    """Unlike any other run's, so that a run can be found by it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return f"{settings.submission.run_name or settings.pipeline_name} {now:%Y-%m-%d %H:%M:%S} {secrets.token_hex(2)}"


def ensure_experiment(connection: Connection, name: str) -> str:
    """ID of the experiment, which is made where there is none. Raises ApiError."""
    made = connection.create(
        f"find or create experiment {name!r}",
        lambda: _find_experiment(connection, name),
        connection.client.create_experiment,
        name=name,
        namespace=connection.namespace,
    )
    return str(made.experiment_id)


def start_run(
    connection: Connection, settings: Settings, version: Version, experiment_id: str, parameters: dict[str, Any]
) -> str:
    """ID of a new run. Raises ApiError."""
    name = unique_name(settings)

    def find() -> Any:
        listed = connection.ask(
            f"look for run {name!r}", connection.client.list_runs, experiment_id=experiment_id, filter=named(name)
        )
        return next(iter(listed.runs or ()), None)

    run = connection.create(
        f"start run {name!r}",
        find,
        connection.client.run_pipeline,
        experiment_id=experiment_id,
        job_name=name,
        params=parameters,
        pipeline_id=version.pipeline_id,
        version_id=version.version_id,
        pipeline_root=root_of(settings),
        service_account=settings.submission.service_account,
    )
    return str(run.run_id)


def look(connection: Connection, run_id: str) -> RunView:
    """How a run stands. Raises ApiError."""
    run = connection.ask(f"look at run {run_id}", connection.client.get_run, run_id=run_id)
    return view_of(run, connection.link(f"runs/details/{run_id}"))


def steps_of_run(connection: Connection, run_id: str) -> list[str]:
    """Names of a run's steps in order, from the pipeline that it runs; none where the API does not tell."""
    client = connection.client
    run = connection.ask(f"look at run {run_id}", client.get_run, run_id=run_id)
    spec, reference = run.pipeline_spec, run.pipeline_version_reference
    if not spec and reference is not None:
        spec = connection.ask(
            f"read the pipeline of run {run_id}",
            client.get_pipeline_version,
            pipeline_id=reference.pipeline_id,
            pipeline_version_id=reference.pipeline_version_id,
        ).pipeline_spec
    if not isinstance(spec, dict):
        return []
    spec = spec.get("pipeline_spec", spec)  # beside a platform_spec, where there is one
    return ordered_tasks(spec) if "dag" in spec.get("root", {}) else []


def newest_run(connection: Connection, experiment: str) -> str:
    """ID of the experiment's newest run. Raises SettingsError where there is none, ApiError."""
    found = _find_experiment(connection, experiment)
    if found is None:
        raise SettingsError(
            f"{connection.host}: there is no experiment {experiment!r}; name one with submission.experiment, or give "
            "the ID of a run"
        )
    listed = connection.ask(
        f"list the runs of experiment {experiment!r}",
        connection.client.list_runs,
        experiment_id=found.experiment_id,
        sort_by="created_at desc",
        page_size=1,
    )
    if not listed.runs:
        raise SettingsError(f"{connection.host}: experiment {experiment!r} has no run yet")
    return str(listed.runs[0].run_id)


def _find_experiment(connection: Connection, name: str) -> Any:
    try:
        return connection.ask(
            f"look for experiment {name!r}",
            connection.client.get_experiment,
            experiment_name=name,
            namespace=connection.namespace,
        )
    except ApiError:
        raise
    except ValueError as error:  # kfp's, for none and for several
        if str(error).startswith("No experiment"):
            return None
        raise SettingsError(f"{connection.host}: several experiments are named {name!r}; rename all but one") from None
