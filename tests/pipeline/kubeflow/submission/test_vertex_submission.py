"""Vertex AI Pipelines over gRPC on loopback, with Google's own client and messages.

The server keeps what it is sent and answers as the API's reference says; nothing of Google Cloud itself is asked.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.services.pipeline_service.transports import PipelineServiceGrpcTransport
from google.cloud.aiplatform_v1.services.schedule_service.transports import ScheduleServiceGrpcTransport
from google.protobuf import json_format
from small_pipeline import PLATFORM, SPEC, STEPS, write_package

from adclick.errors import SettingsError
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.kubeflow.submission.failures import ApiError, RefusedError
from pipeline.kubeflow.submission.package import Package, read_package
from pipeline.kubeflow.submission.vertex import Clients, VertexApi, pipeline_job

PARENT = "projects/my-project/locations/europe-west4"
WORDS = (
    "submission.target=vertex",
    "submission.vertex={project: my-project, location: europe-west4, network: projects/1/global/networks/vpc}",
    "submission.service_account=runner@my-project.iam.gserviceaccount.com",
    "pipeline_root=gs://bucket/root",
)
State = aiplatform_v1.PipelineState
TaskState = aiplatform_v1.PipelineTaskDetail.State


class FakeVertex:
    """Jobs and schedules in memory, and failures to come."""

    def __init__(self) -> None:
        self.jobs: dict[str, Any] = {}
        self.schedules: dict[str, Any] = {}
        self.failures: list[grpc.StatusCode] = []
        self.calls: list[str] = []
        self.lose_answers = False
        """The next job is made, and the answer lost."""

    def handle(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        self.calls.append(method)
        if self.failures:
            context.abort(self.failures.pop(0), "planted")
        reply = getattr(self, method)(request, context)
        if self.lose_answers and method == "CreatePipelineJob":
            self.lose_answers = False
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        return reply

    def CreatePipelineJob(self, request: Any, context: Any) -> Any:  # noqa: N802 - the API's name
        name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if name in self.jobs:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, name)
        job = aiplatform_v1.PipelineJob(request.pipeline_job)
        job.name, job.state = name, State.PIPELINE_STATE_PENDING
        self.jobs[name] = job
        return job

    def GetPipelineJob(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.name not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} is not found")
        return self.jobs[request.name]

    def ListPipelineJobs(self, request: Any, context: Any) -> Any:  # noqa: N802
        assert (request.filter, request.order_by) == ('pipeline_name="adclick"', "create_time desc")
        return aiplatform_v1.ListPipelineJobsResponse(pipeline_jobs=list(self.jobs.values())[::-1])

    def ListSchedules(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = [one for one in self.schedules.values() if request.filter == f'display_name="{one.display_name}"']
        return aiplatform_v1.ListSchedulesResponse(schedules=found)

    def CreateSchedule(self, request: Any, context: Any) -> Any:  # noqa: N802
        made = aiplatform_v1.Schedule(request.schedule)
        made.name, made.state = f"{request.parent}/schedules/4711", aiplatform_v1.Schedule.State.ACTIVE
        self.schedules[made.name] = made
        return made

    def UpdateSchedule(self, request: Any, context: Any) -> Any:  # noqa: N802
        assert list(request.update_mask.paths) == ["cron", "create_pipeline_job_request"]
        kept = self.schedules[request.schedule.name]
        kept.cron = request.schedule.cron
        kept.create_pipeline_job_request = request.schedule.create_pipeline_job_request
        return kept

    def PauseSchedule(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.schedules[request.name].state = aiplatform_v1.Schedule.State.PAUSED
        return None

    def ResumeSchedule(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.schedules[request.name].state = aiplatform_v1.Schedule.State.ACTIVE
        return None


REQUESTS = {
    "PipelineService": {
        "CreatePipelineJob": aiplatform_v1.CreatePipelineJobRequest,
        "GetPipelineJob": aiplatform_v1.GetPipelineJobRequest,
        "ListPipelineJobs": aiplatform_v1.ListPipelineJobsRequest,
    },
    "ScheduleService": {
        "ListSchedules": aiplatform_v1.ListSchedulesRequest,
        "CreateSchedule": aiplatform_v1.CreateScheduleRequest,
        "UpdateSchedule": aiplatform_v1.UpdateScheduleRequest,
        "PauseSchedule": aiplatform_v1.PauseScheduleRequest,
        "ResumeSchedule": aiplatform_v1.ResumeScheduleRequest,
    },
}


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex()


@pytest.fixture
def clients(fake: FakeVertex) -> Iterator[Clients]:
    """Google's clients on a channel to the fake."""

    def handler(method: str, request_type: Any) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: fake.handle(method, request, context),
            request_deserializer=request_type.deserialize,
            response_serializer=lambda reply: b"" if reply is None else type(reply).serialize(reply),
        )

    server = grpc.server(futures.ThreadPoolExecutor(2))
    for service, methods in REQUESTS.items():
        handlers = {name: handler(name, kind) for name, kind in methods.items()}
        generic = grpc.method_handlers_generic_handler(f"google.cloud.aiplatform.v1.{service}", handlers)
        server.add_generic_rpc_handlers((generic,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Clients(
            aiplatform_v1.PipelineServiceClient(transport=PipelineServiceGrpcTransport(channel=channel)),
            aiplatform_v1.ScheduleServiceClient(transport=ScheduleServiceGrpcTransport(channel=channel)),
        )
    server.stop(None).wait()


@pytest.fixture
def vertex(clients: Clients) -> Callable[..., VertexApi]:
    def make(*words: str) -> VertexApi:
        return VertexApi(load_settings(None, [*WORDS, *words]), clients)

    return make


@pytest.fixture
def package(package_file: Path) -> Package:
    return read_package(package_file)


def settings() -> Settings:
    return load_settings(None, list(WORDS))


def test_a_job_gets_the_pipeline_and_what_the_settings_say(
    fake: FakeVertex, vertex: Callable[..., VertexApi], package: Package
) -> None:
    job_id = vertex().start(package, {"epochs": 3, "spans": "latest", "images": False})
    (job,) = fake.jobs.values()
    assert job.name == f"{PARENT}/pipelineJobs/{job_id}"
    assert job_id.startswith("adclick-20")
    sent = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(job))
    assert sent["pipelineSpec"] == SPEC
    assert sent["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://bucket/root",
        "parameterValues": {"epochs": 3.0, "spans": "latest", "images": False},
    }
    assert sent["serviceAccount"] == "runner@my-project.iam.gserviceaccount.com"
    assert sent["network"] == "projects/1/global/networks/vpc"


def test_the_job_is_the_one_that_googles_own_class_builds(package: Package, package_file: Path) -> None:
    from google.cloud import aiplatform

    theirs = aiplatform.PipelineJob(
        display_name="adclick",
        template_path=str(package_file),
        pipeline_root="gs://bucket/root",
        parameter_values={"epochs": 3, "share": 0.5},
        project="my-project",
        location="europe-west4",
        credentials=AnonymousCredentials(),
    )
    ours = pipeline_job(settings(), package, {"epochs": 3, "share": 0.5})
    expected = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(theirs._gca_resource))
    built = json_format.MessageToDict(aiplatform_v1.PipelineJob.pb(ours))
    assert expected.keys() == {"displayName", "pipelineSpec", "runtimeConfig"}
    assert {key: built[key] for key in expected} == expected
    assert built.keys() - expected.keys() == {"serviceAccount", "network"}  # which theirs adds as it submits


def test_what_vertex_does_not_have_is_refused_before_it_is_asked(package: Package, tmp_path: Path) -> None:
    for root in ("pipeline_root=s3://b/r", "pipeline_root=null", "submission.pipeline_root=minio://b/r"):
        with pytest.raises(SettingsError, match="Vertex AI keeps artifacts in Cloud Storage"):
            pipeline_job(load_settings(None, [*WORDS, root]), package, {})
    with_secrets = read_package(write_package(tmp_path / "s.yaml", SPEC, PLATFORM))
    with pytest.raises(SettingsError, match="asks for secrets or volumes of Kubernetes"):
        pipeline_job(settings(), with_secrets, {})


def test_a_job_is_followed_through_its_states(
    fake: FakeVertex, vertex: Callable[..., VertexApi], package: Package
) -> None:
    server = vertex()
    job_id = server.start(package, {})
    assert server.newest() == job_id
    assert server.steps(job_id) == STEPS
    assert (server.look(job_id).state, server.look(job_id).tasks) == ("under way", {})
    (job,) = fake.jobs.values()
    began = datetime.datetime(2026, 11, 2, 4, tzinfo=datetime.timezone.utc)
    minute = datetime.timedelta(minutes=1)
    for name, state, times in (
        ("adclick", TaskState.RUNNING, {"start_time": began}),  # the graph itself
        ("AdExampleGen", TaskState.SUCCEEDED, {"start_time": began, "end_time": began + minute}),
        ("AnomalyGate", TaskState.SKIPPED, {"start_time": began + minute, "end_time": began + minute}),
        ("CreativeTrainer", TaskState.FAILED, {"start_time": began + minute, "end_time": began + 3 * minute}),
        ("AtomicPusher", TaskState.PENDING, {}),
    ):
        job.job_detail.task_details.append(aiplatform_v1.PipelineTaskDetail(task_name=name, state=state, **times))
    job.job_detail.task_details[3].error.message = "exit code 1"
    job.state = State.PIPELINE_STATE_FAILED
    view = server.look(job_id)
    assert {name: (task.state, task.seconds) for name, task in view.tasks.items()} == {
        "AdExampleGen": ("done", 60.0),
        "AnomalyGate": ("cached", 0.0),
        "CreativeTrainer": ("failed", 120.0),
    }
    assert (view.state, view.failed, view.tasks["CreativeTrainer"].error) == (
        "failed",
        ["CreativeTrainer"],
        "exit code 1",
    )
    assert view.link.endswith(f"/locations/europe-west4/pipelines/runs/{job_id}?project=my-project")


def test_a_service_that_is_away_is_asked_again(
    fake: FakeVertex, vertex: Callable[..., VertexApi], package: Package
) -> None:
    fake.failures = [grpc.StatusCode.UNAVAILABLE]
    vertex().start(package, {})
    assert fake.calls == ["CreatePipelineJob"] * 2


def test_a_job_whose_answer_was_lost_is_not_started_twice(
    fake: FakeVertex, vertex: Callable[..., VertexApi], package: Package
) -> None:
    fake.lose_answers = True
    job_id = vertex().start(package, {})
    assert list(fake.jobs) == [f"{PARENT}/pipelineJobs/{job_id}"]


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, RefusedError, "not signed in (planted); sign in with `gcloud auth"),
        (grpc.StatusCode.PERMISSION_DENIED, RefusedError, "the account needs the role Vertex AI User"),
        (grpc.StatusCode.INVALID_ARGUMENT, RefusedError, "refused (planted)"),
        (grpc.StatusCode.INTERNAL, ApiError, "the service failed (planted)"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ApiError, "no answer (planted); try again later"),
    ],
)
def test_refusals_name_what_was_asked_and_the_mend(
    fake: FakeVertex,
    vertex: Callable[..., VertexApi],
    package: Package,
    code: grpc.StatusCode,
    kind: type[ApiError],
    words: str,
) -> None:
    fake.failures = [code]
    with pytest.raises(ApiError) as raised:
        vertex().start(package, {})
    assert type(raised.value) is kind
    assert str(raised.value).startswith(f"Vertex AI, {PARENT}: start pipeline job 'adclick-")
    assert words in str(raised.value)
    assert isinstance(raised.value.__cause__, exceptions.GoogleAPICallError)


def test_an_unknown_job_is_told(vertex: Callable[..., VertexApi]) -> None:
    with pytest.raises(RefusedError, match="look at pipeline job 'none': not found"):
        vertex().look("none")
    with pytest.raises(SettingsError, match="pipeline 'adclick' has no job yet"):
        vertex().newest()


def test_a_schedule_is_made_updated_paused_and_resumed(
    fake: FakeVertex, vertex: Callable[..., VertexApi], package: Package
) -> None:
    """Vertex's cron has five fields, and its API changes a schedule in place."""
    assert vertex().schedule(package, {"epochs": 3}) == ("4711", "adclick-schedule", "created", ())
    (schedule,) = fake.schedules.values()
    assert (schedule.cron, schedule.max_concurrent_run_count) == ("0 4 2 * *", 1)
    request = schedule.create_pipeline_job_request
    assert request.parent == PARENT
    assert request.pipeline_job.runtime_config.parameter_values["epochs"] == 3
    assert vertex("submission.schedule.cron='0 30 5 3 * ?'").schedule(package, {}).change == "updated"
    assert schedule.cron == "30 5 3 * *"
    vertex("submission.schedule.enabled=false").schedule(package, {})
    assert schedule.state == aiplatform_v1.Schedule.State.PAUSED
    vertex().schedule(package, {})
    assert schedule.state == aiplatform_v1.Schedule.State.ACTIVE
    with pytest.raises(SettingsError, match=r"submission\.schedule\.cron: '30 0 4 2 \* \*' does not begin with 0"):
        vertex("submission.schedule.cron='30 0 4 2 * *'").schedule(package, {})


def test_missing_credentials_are_told_with_the_ways_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SettingsError, match="sign in with `gcloud auth application-default login`"):
        VertexApi(settings())
