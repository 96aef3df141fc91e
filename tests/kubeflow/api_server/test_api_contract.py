"""The stub server notices what the published definition does not have, and kfp's own client gets along with it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contract
import kfp
import pytest
from kfp_api_server import KfpApiServer
from run_plan import RunPlan
from small_pipeline import SPEC, TOKEN, write_package

PREFIX = "/apis/v2beta1"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KfpApiServer]:
    server = KfpApiServer()
    server.start()
    yield server
    server.stop()


def post(api: KfpApiServer, path: str, body: Any) -> int:
    request = urllib.request.Request(
        f"{api.host}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("path", "body", "breach"),
    [
        (f"{PREFIX}/experiments", {"displayname": "x"}, "'displayname' was unexpected"),
        (f"{PREFIX}/experiments", {"display_name": 7}, "7 is not of type 'string'"),
        (f"{PREFIX}/experiments?name=x", {"display_name": "x"}, "no query parameter ['name']"),
        (f"{PREFIX}/recurringruns", {"mode": "ON"}, "'ON' is not one of"),
        (f"{PREFIX}/recurringruns", {"trigger": {"cron_schedule": {"corn": ""}}}, "'corn' was unexpected"),
        (f"{PREFIX}/recurringruns/1:disable", {"why": "x"}, "takes no body"),
    ],
)
def test_a_request_outside_of_the_definition_is_a_breach(api: KfpApiServer, path: str, body: Any, breach: str) -> None:
    assert post(api, path, body) == 400
    assert len(api.breaches) == 1
    assert breach in api.breaches[0]


def test_a_reply_outside_of_the_definition_is_a_breach(api: KfpApiServer) -> None:
    assert post(api, f"{PREFIX}/experiments", {"display_name": "x"}) == 200
    assert api.breaches == []
    (experiment,) = api.experiments.values()
    experiment["colour"] = "green"
    with urllib.request.urlopen(f"{api.host}{PREFIX}/experiments", timeout=10) as reply:
        assert reply.status == 200
    assert "'colour' was unexpected" in api.breaches[0]


def test_paths_are_told_apart() -> None:
    """A verb behind a colon, a word where an ID could be, and an ID of one segment."""
    found = {
        (method, path): operation.name if operation else None
        for method, path in (
            ("GET", f"{PREFIX}/runs/a"), ("POST", f"{PREFIX}/runs/a:terminate"), ("POST", f"{PREFIX}/runs/a"),
            ("POST", f"{PREFIX}/pipelines/upload"), ("GET", f"{PREFIX}/pipelines/a/versions/b"),
            ("GET", "/apis/v1/runs"),
        )
        for operation in [contract.operation(method, path)]
    }  # fmt: skip
    assert list(found.values()) == [
        "RunService_GetRun", "RunService_TerminateRun", None, "UploadPipeline", "PipelineService_GetPipelineVersion",
        None,
    ]  # fmt: skip
    version = contract.operation("GET", f"{PREFIX}/pipelines/a/versions/b")
    assert version is not None
    assert version.path_values == {"pipeline_id": "a", "pipeline_version_id": "b"}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_kfps_own_client_submits_and_waits(api: KfpApiServer, tmp_path: Path) -> None:
    """As it comes, with nothing of ours in between."""
    api.token, api.plan = TOKEN, RunPlan()
    client = kfp.Client(host=api.host, existing_token=TOKEN, namespace="team")
    file = write_package(
        tmp_path / "pipeline.yaml",
        {**SPEC, "root": {"dag": {"tasks": {"A": SPEC["root"]["dag"]["tasks"]["AdExampleGen"]}}}},
    )
    body = kfp.client.client.kfp_server_api.V2beta1Pipeline(display_name="adclick")
    pipeline = client.pipelines.create_pipeline(body=body)
    version = client.upload_pipeline_version(str(file), "v1", pipeline_id=pipeline.pipeline_id)
    experiment = client.create_experiment("clicks")
    run = client.run_pipeline(
        experiment.experiment_id, "once", pipeline_id=pipeline.pipeline_id, version_id=version.pipeline_version_id
    )
    ended = client.wait_for_run_completion(run.run_id, timeout=30, sleep_duration=0)
    assert ended.state == "SUCCEEDED"
    assert api.breaches == []
    api.token = "another"
    with pytest.raises(kfp.client.client.kfp_server_api.ApiException) as raised:
        client.get_run(run.run_id)
    assert raised.value.status == 401


def test_the_definition_is_the_published_one() -> None:
    info = json.loads(contract.SWAGGER.read_text(encoding="utf-8"))["info"]
    assert (info["title"], info["version"]) == ("Kubeflow Pipelines API", "2.17.0")
