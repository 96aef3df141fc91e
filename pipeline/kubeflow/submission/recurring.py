"""The recurring run: made, left as it is, or put in the place of the former one of its name."""

from __future__ import annotations

from typing import Any

from configs.settings import Settings
from pipeline.kubeflow.submission.api import Scheduled
from pipeline.kubeflow.submission.connection import Connection
from pipeline.kubeflow.submission.failures import ApiError
from pipeline.kubeflow.submission.pipelines import Version, named
from pipeline.kubeflow.submission.runs import root_of

ENABLED, DISABLED = "ENABLE", "DISABLE"
PAGE = 100


def schedule_name(settings: Settings) -> str:
    """Name of the settings' recurring run."""
    return settings.submission.schedule.name or f"{settings.pipeline_name}-schedule"


def ensure_schedule(
    connection: Connection, settings: Settings, version: Version, experiment_id: str, parameters: dict[str, Any]
) -> Scheduled:
    """One enabled recurring run of the name, as the settings say. Raises ApiError.

    The API cannot change one. The new one is made before the former is disabled, so that a failure in between leaves
    a schedule too many and not one too few. The former is kept: its deletion would end the runs that it has started,
    which belong to it (backend/src/crd/controller/scheduledworkflow/util/scheduled_workflow.go).
    """
    client, schedule, name = connection.client, settings.submission.schedule, schedule_name(settings)
    wanted = {
        "cron": schedule.cron,
        "version_id": version.version_id,
        "pipeline_root": root_of(settings),
        "parameters": parameters,
        "service_account": settings.submission.service_account,
    }
    mode = ENABLED if schedule.enabled else DISABLED
    former = _listed(connection, experiment_id, name)
    same = next((one for one in former if str(one.mode) == mode and _like(one, wanted)), None)
    if same is not None:
        kept, change = str(same.recurring_run_id), "unchanged"
    else:
        before = {str(one.recurring_run_id) for one in former}

        def find() -> Any:
            listed = _listed(connection, experiment_id, name)
            return next((one for one in listed if str(one.recurring_run_id) not in before), None)

        made = connection.create(
            f"create recurring run {name!r}",
            find,
            client.create_recurring_run,
            experiment_id=experiment_id,
            job_name=name,
            cron_expression=schedule.cron,
            max_concurrency=1,
            no_catchup=True,  # a run reads all spans that are there
            params=parameters,
            pipeline_id=version.pipeline_id,
            version_id=version.version_id,
            enabled=schedule.enabled,
            pipeline_root=root_of(settings),
            service_account=settings.submission.service_account,
        )
        kept, change = str(made.recurring_run_id), "updated" if before else "created"
    return Scheduled(kept, name, change, _disable(connection, former, kept, name))


def _disable(connection: Connection, former: list[Any], kept: str, name: str) -> tuple[str, ...]:
    disabled = []
    for one in former:
        former_id = str(one.recurring_run_id)
        if former_id == kept or str(one.mode) != ENABLED:
            continue
        try:
            connection.ask(
                f"disable the former recurring run {name!r} ({former_id})",
                connection.client.disable_recurring_run,
                recurring_run_id=former_id,
            )
        except ApiError as error:
            raise ApiError(
                f"{error}\n  recurring run {kept} is there, and {former_id} starts runs beside it: the same command "
                "again disables it"
            ) from None
        disabled.append(former_id)
    return tuple(disabled)


def _listed(connection: Connection, experiment_id: str, name: str) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = connection.ask(
            f"look for recurring run {name!r}",
            connection.client.list_recurring_runs,
            experiment_id=experiment_id,
            filter=named(name),
            page_size=PAGE,
            page_token=token,
        )
        found += page.recurring_runs or ()
        token = page.next_page_token or ""
        if not token:
            return found


def _like(one: Any, wanted: dict[str, Any]) -> bool:
    """Whether it starts the runs that are wanted; what is not asked for, the server may have filled in."""
    cron = one.trigger.cron_schedule if one.trigger else None
    version, runtime = one.pipeline_version_reference, one.runtime_config
    found = {
        "cron": cron.cron if cron else None,
        "version_id": version.pipeline_version_id if version else None,
        "parameters": (runtime.parameters if runtime else None) or {},
        "pipeline_root": runtime.pipeline_root if runtime else None,
        "service_account": one.service_account,
    }
    return all(found[key] == value for key, value in wanted.items() if value is not None)
