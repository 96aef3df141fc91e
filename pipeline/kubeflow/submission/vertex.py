"""Vertex AI Pipelines as a `PipelineApi`: the same compiled pipeline, as a PipelineJob.

Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs
"""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from adclick.errors import SettingsError
from adclick.progress import RUNNING, WAITING
from configs.cron import five_fields
from configs.settings import Settings
from pipeline.kubeflow.submission.api import Scheduled
from pipeline.kubeflow.submission.failures import ApiError, RefusedError
from pipeline.kubeflow.submission.package import Package, ordered_tasks
from pipeline.kubeflow.submission.recurring import schedule_name
from pipeline.kubeflow.submission.run_view import (
    CACHED,
    CANCELED,
    DONE,
    FAILED,
    SKIPPED,
    SUCCEEDED,
    UNDER_WAY,
    RunView,
    TaskView,
)
from pipeline.kubeflow.submission.runs import root_of

Answer = TypeVar("Answer")
_ENDS = {"SUCCEEDED": SUCCEEDED, "FAILED": FAILED, "CANCELLED": CANCELED}
_TASKS = {
    "RUNNING": RUNNING,
    "SUCCEEDED": DONE,
    "CANCEL_PENDING": RUNNING,
    "CANCELLING": RUNNING,
    "CANCELLED": CANCELED,
    "FAILED": FAILED,
    "SKIPPED": CACHED,  # "due to cache hit"
    "NOT_TRIGGERED": SKIPPED,
}


class Clients(NamedTuple):
    """The two services of the API."""

    pipelines: Any
    schedules: Any


def connect_vertex(location: str) -> Clients:
    """Clients with the credentials that Google's libraries find. Raises SettingsError where they find none."""
    import google.auth.exceptions
    from google.cloud import aiplatform_v1

    options = {"api_endpoint": f"{location}-aiplatform.googleapis.com"}
    try:
        return Clients(
            aiplatform_v1.PipelineServiceClient(client_options=options),
            aiplatform_v1.ScheduleServiceClient(client_options=options),
        )
    except google.auth.exceptions.DefaultCredentialsError:
        raise SettingsError(
            "no credentials of Google Cloud: sign in with `gcloud auth application-default login`, or name the key "
            "file of a service account in GOOGLE_APPLICATION_CREDENTIALS"
        ) from None


def pipeline_job(settings: Settings, package: Package, parameters: dict[str, Any]) -> Any:
    """The `PipelineJob` message. Raises SettingsError for what Vertex AI does not have."""
    from google.cloud import aiplatform_v1
    from google.protobuf import json_format, struct_pb2

    root = root_of(settings)
    if root is None or not root.startswith("gs://"):
        raise SettingsError(
            f"submission.pipeline_root: Vertex AI keeps artifacts in Cloud Storage, and the root is {root!r}: name a "
            "gs:// folder here, or as pipeline_root"
        )
    if package.platforms:
        raise SettingsError(
            f"{package.file}: asks for secrets or volumes of Kubernetes, which Vertex AI does not have: compile it "
            "without kubeflow.secrets and kubeflow.volumes, and give submission.service_account the rights instead"
        )
    job = aiplatform_v1.PipelineJob(
        display_name=settings.submission.run_name or package.name,
        runtime_config=aiplatform_v1.PipelineJob.RuntimeConfig(gcs_output_directory=root, parameter_values=parameters),
        service_account=settings.submission.service_account or "",
        network=settings.submission.vertex.network or "",
    )
    spec = json_format.ParseDict(package.spec, struct_pb2.Struct())
    aiplatform_v1.PipelineJob.pb(job).pipeline_spec.CopyFrom(spec)
    return job


class VertexApi:
    """The API of `submission.vertex.location`."""

    def __init__(self, settings: Settings, clients: Clients | None = None) -> None:
        """Raises SettingsError."""
        vertex = settings.submission.vertex
        assert vertex.project and vertex.location  # the settings see to it
        self._settings = settings
        self._clients = clients or connect_vertex(vertex.location)
        self._parent = f"projects/{vertex.project}/locations/{vertex.location}"
        self.address = f"Vertex AI, {self._parent}"

    def start(self, package: Package, parameters: dict[str, Any]) -> str:
        """ID of a new job, chosen here, so that a call that is made again starts no second one."""
        from google.api_core import exceptions

        now = datetime.datetime.now(datetime.timezone.utc)
        job_id = re.sub("[^-0-9a-z]+", "-", f"{package.name.lower()}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(2)}")
        job = pipeline_job(self._settings, package, parameters)
        try:
            self._ask(
                f"start pipeline job {job_id!r}",
                self._clients.pipelines.create_pipeline_job,
                parent=self._parent,
                pipeline_job=job,
                pipeline_job_id=job_id,
            )
        except ApiError as error:
            if not isinstance(error.__cause__, exceptions.AlreadyExists):
                raise
        return job_id

    def schedule(self, package: Package, parameters: dict[str, Any]) -> Scheduled:
        """One schedule of the name; the API can change it in place."""
        from google.cloud import aiplatform_v1
        from google.protobuf import field_mask_pb2

        name, wanted = schedule_name(self._settings), self._settings.submission.schedule
        try:
            cron = five_fields(wanted.cron)
        except ValueError as error:
            raise SettingsError(f"submission.schedule.cron: {error}") from None
        request = aiplatform_v1.CreatePipelineJobRequest(
            parent=self._parent, pipeline_job=pipeline_job(self._settings, package, parameters)
        )
        schedules = self._clients.schedules
        listed = self._ask(
            f"look for schedule {name!r}",
            schedules.list_schedules,
            request={"parent": self._parent, "filter": f'display_name="{name}"'},
        )
        schedule = next(iter(listed), None)
        change = "updated"
        if schedule is None:
            change = "created"
            schedule = self._ask(
                f"create schedule {name!r}",
                schedules.create_schedule,
                parent=self._parent,
                schedule=aiplatform_v1.Schedule(
                    display_name=name, cron=cron, max_concurrent_run_count=1, create_pipeline_job_request=request
                ),
            )
        else:
            schedule.cron, schedule.create_pipeline_job_request = cron, request
            schedule = self._ask(
                f"update schedule {name!r}",
                schedules.update_schedule,
                schedule=schedule,
                update_mask=field_mask_pb2.FieldMask(paths=["cron", "create_pipeline_job_request"]),
            )
        paused = schedule.state == aiplatform_v1.Schedule.State.PAUSED
        if wanted.enabled == paused:
            act = schedules.resume_schedule if wanted.enabled else schedules.pause_schedule
            self._ask(f"{'resume' if wanted.enabled else 'pause'} schedule {name!r}", act, name=schedule.name)
        return Scheduled(schedule.name.rpartition("/")[2], name, change)

    def look(self, run_id: str) -> RunView:
        """How a job stands."""
        return view_of_job(self._job(run_id), run_id, self._link(run_id))

    def steps(self, run_id: str) -> list[str]:
        """Names of a job's steps in order."""
        from google.cloud import aiplatform_v1
        from google.protobuf import json_format

        spec = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(self._job(run_id)).pipeline_spec)
        return ordered_tasks(spec) if "dag" in spec.get("root", {}) else []

    def newest(self) -> str:
        """ID of the newest job of the settings' pipeline."""
        listed = self._ask(
            "list pipeline jobs",
            self._clients.pipelines.list_pipeline_jobs,
            request={
                "parent": self._parent,
                "filter": f'pipeline_name="{self._settings.pipeline_name}"',
                "order_by": "create_time desc",
                "page_size": 1,
            },
        )
        job = next(iter(listed), None)
        if job is None:
            raise SettingsError(f"{self.address}: pipeline {self._settings.pipeline_name!r} has no job yet")
        return str(job.name.rpartition("/")[2])

    def log_command(self, run_id: str) -> str:
        """For gcloud; a step's job is labelled with the pipeline job's ID."""
        project = self._settings.submission.vertex.project
        return f'gcloud logging read --project {project} \'labels."ml.googleapis.com/pipeline_job_id"="{run_id}"\''

    def _job(self, run_id: str) -> Any:
        name = f"{self._parent}/pipelineJobs/{run_id}"
        return self._ask(f"look at pipeline job {run_id!r}", self._clients.pipelines.get_pipeline_job, name=name)

    def _link(self, run_id: str) -> str:
        vertex = self._settings.submission.vertex
        return (
            f"https://console.cloud.google.com/vertex-ai/locations/{vertex.location}/pipelines/runs/{run_id}"
            f"?project={vertex.project}"
        )

    def _ask(self, asked: str, function: Callable[..., Answer], **arguments: Any) -> Answer:
        """The answer, asked for again while the service is away, for `request_timeout_s` times `max_attempts`.

        Raises ApiError.
        """
        import google.auth.exceptions
        from google.api_core import exceptions, retry

        submission = self._settings.submission
        busy = (exceptions.ServiceUnavailable, exceptions.TooManyRequests)
        patience = retry.Retry(
            predicate=retry.if_exception_type(*busy),
            initial=0.5,
            maximum=8.0,
            timeout=submission.request_timeout_s * submission.max_attempts,
        )
        head = f"{self.address}: {asked}"
        try:
            return function(**arguments, retry=patience, timeout=submission.request_timeout_s)
        except (exceptions.Unauthenticated, google.auth.exceptions.GoogleAuthError) as error:
            raise RefusedError(
                f"{head}: not signed in ({_words(error)}); sign in with `gcloud auth application-default login`", 401
            ) from error
        except exceptions.PermissionDenied as error:
            raise RefusedError(
                f"{head}: not allowed ({_words(error)}); the account needs the role Vertex AI User, and Service "
                "Account User on submission.service_account",
                403,
            ) from error
        except exceptions.NotFound as error:
            raise RefusedError(
                f"{head}: not found ({_words(error)}); check the ID and submission.vertex", 404
            ) from error
        except (exceptions.RetryError, *busy, exceptions.DeadlineExceeded) as error:
            raise ApiError(f"{head}: no answer ({_words(error)}); try again later", passing=True) from error
        except exceptions.ClientError as error:
            raise RefusedError(f"{head}: refused ({_words(error)})", int(error.code or 400)) from error
        except exceptions.GoogleAPICallError as error:
            raise ApiError(f"{head}: the service failed ({_words(error)})") from error


def view_of_job(job: Any, run_id: str, link: str, now: datetime.datetime | None = None) -> RunView:
    """From Vertex AI's `PipelineJob`."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    pipeline = job.pipeline_spec.get("pipelineInfo", {}).get("name") if job.pipeline_spec else None
    tasks = {}
    for detail in job.job_detail.task_details:
        begun = detail.start_time or detail.state.name in ("FAILED", "SKIPPED")
        if detail.task_name == pipeline or not begun:
            continue
        seconds = ((detail.end_time or now) - detail.start_time).total_seconds() if detail.start_time else 0.0
        state = _TASKS.get(detail.state.name, WAITING)
        tasks[detail.task_name] = TaskView(detail.task_name, state, max(0.0, seconds), _one_line(detail.error.message))
    state = _ENDS.get(job.state.name.removeprefix("PIPELINE_STATE_"), UNDER_WAY)
    created = job.create_time.isoformat(timespec="seconds") if job.create_time else ""
    return RunView(run_id, job.display_name, state, tasks, _one_line(job.error.message), link, created)


def _words(error: BaseException) -> str:
    return _one_line(str(getattr(error, "message", None) or error))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
