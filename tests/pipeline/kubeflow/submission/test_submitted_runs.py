"""Versions, experiments, runs and recurring runs: made once, found again, and told what the settings say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from kfp_api_server import Fault, KfpApiServer
from run_plan import RunPlan
from small_pipeline import PLATFORM, SPEC, STEPS, write_package

from adclick.errors import SettingsError
from configs.settings import Settings
from pipeline.kubeflow.submission.failures import ApiError, RefusedError
from pipeline.kubeflow.submission.kubeflow import KubeflowApi
from pipeline.kubeflow.submission.package import read_package

WithSettings = Callable[..., Settings]
UPLOAD = "/apis/v2beta1/pipelines/upload_version"
RUNS = "/apis/v2beta1/runs"
RECURRING = "/apis/v2beta1/recurringruns"


def test_a_run_gets_what_the_settings_say(api: KfpApiServer, settings_with: WithSettings, package_file: Path) -> None:
    settings = settings_with(
        "submission.experiment=clicks",
        "submission.run_name=monthly",
        "submission.pipeline_root=minio://mlpipeline/clicks",
        "submission.service_account=pipeline-runner",
    )
    run_id = KubeflowApi(settings).start(read_package(package_file), {"epochs": 3})
    (run,) = api.runs.values()
    (pipeline,), (version,), (experiment,) = api.pipelines.values(), api.versions.values(), api.experiments.values()
    assert run["run_id"] == run_id
    assert run["display_name"].startswith("monthly 20")
    assert experiment["display_name"] == "clicks"
    assert run["experiment_id"] == experiment["experiment_id"]
    assert run["service_account"] == "pipeline-runner"
    assert run["runtime_config"] == {"parameters": {"epochs": 3}, "pipeline_root": "minio://mlpipeline/clicks"}
    assert run["pipeline_version_reference"] == {
        "pipeline_id": pipeline["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert pipeline["display_name"] == "adclick"
    assert yaml.safe_load(api.uploads[0]) == SPEC


def test_what_is_not_asked_for_is_not_sent(api: KfpApiServer, settings_with: WithSettings, package_file: Path) -> None:
    """The server has a root and an account of its own, and the compiled defaults hold."""
    KubeflowApi(settings_with("pipeline_root=/mnt/state")).start(read_package(package_file), {})
    (request,) = api.asked("POST", RUNS)
    assert request.body["runtime_config"] == {"parameters": {}}
    assert "service_account" not in request.body


def test_a_root_in_a_store_is_the_pipelines_root(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    KubeflowApi(settings_with("pipeline_root=s3://b/root/")).start(read_package(package_file), {})
    (run,) = api.runs.values()
    assert run["runtime_config"]["pipeline_root"] == "s3://b/root"


def test_the_same_contents_go_up_once(api: KfpApiServer, settings_with: WithSettings, tmp_path: Path) -> None:
    """Two runs of one content, one of another: one pipeline, two versions, three runs, one experiment."""
    server = KubeflowApi(settings_with("submission.version_name=v1"))
    same = read_package(write_package(tmp_path / "a.yaml", SPEC))
    other = read_package(write_package(tmp_path / "b.yaml", SPEC, PLATFORM))
    for package in (same, same, other):
        server.start(package, {})
    assert len(api.pipelines) == len(api.experiments) == 1
    assert [one["display_name"] for one in api.versions.values()] == [f"v1-{same.digest()}", f"v1-{other.digest()}"]
    assert list(yaml.safe_load_all(api.uploads[1])) == [SPEC, PLATFORM]
    assert len(api.runs) == 3
    assert len({run["display_name"] for run in api.runs.values()}) == 3


@pytest.mark.parametrize("path", [UPLOAD, RUNS, "/apis/v2beta1/pipelines$", "/apis/v2beta1/experiments$"])
@pytest.mark.parametrize("status", [503, 504, 0])
def test_what_was_made_though_its_answer_was_lost_is_found_and_not_made_twice(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path, path: str, status: int
) -> None:
    server = KubeflowApi(settings_with())
    api.faults = [Fault("POST", path, status=status, after=True)]
    run_id = server.start(read_package(package_file), {})
    assert list(api.runs) == [run_id]
    assert len(api.pipelines) == len(api.versions) == len(api.experiments) == 1


@pytest.mark.parametrize("path", [UPLOAD, RUNS])
def test_what_was_refused_for_now_is_asked_for_again(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path, path: str
) -> None:
    server = KubeflowApi(settings_with())
    api.faults = [Fault("POST", path, status=503, times=2)]
    server.start(read_package(package_file), {})
    assert len(api.asked("POST", path)) == 3
    assert len(api.runs) == len(api.versions) == 1


def test_a_lost_answer_to_nothing_done_is_an_error(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    server = KubeflowApi(settings_with())
    api.faults = [Fault("POST", RUNS, status=504)]
    with pytest.raises(ApiError, match=r"start run 'adclick 20.*\(HTTP 504\)"):
        server.start(read_package(package_file), {})
    assert api.runs == {}


def test_the_servers_refusal_is_told_with_its_words(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    server = KubeflowApi(settings_with())
    api.faults = [Fault("POST", UPLOAD, status=400, words="unknown component executor")]
    with pytest.raises(RefusedError) as raised:
        server.start(read_package(package_file), {})
    assert "upload version" in str(raised.value)
    assert "refused (HTTP 400): unknown component executor; `adclick kubeflow lint` finds" in str(raised.value)


def test_steps_come_in_order_and_end_as_they_did(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    """Looks: pending; steps 1 to 3 under way one after the other; the trainer fails at the fourth."""
    api.plan = RunPlan(failing="CreativeTrainer", cached=frozenset({"AdExampleGen"}))
    server = KubeflowApi(settings_with())
    run_id = server.start(read_package(package_file), {})
    seen = [server.look(run_id) for _ in range(4)]
    assert [{name: task.state for name, task in view.tasks.items()} for view in seen] == [
        {},
        {"AdExampleGen": "cached", "AnomalyGate": "running"},
        {"AdExampleGen": "cached", "AnomalyGate": "done", "CreativeTrainer": "running"},
        {"AdExampleGen": "cached", "AnomalyGate": "done", "CreativeTrainer": "failed"},
    ]
    assert [view.ended for view in seen] == [False, False, False, True]
    assert (seen[-1].state, seen[-1].failed, seen[-1].error) == ("failed", ["CreativeTrainer"], "run failed")
    assert seen[-1].tasks["AnomalyGate"].seconds == 60
    assert seen[-1].link == f"{api.host}/#/runs/details/{run_id}"
    assert server.steps(run_id) == STEPS


def test_a_step_that_could_not_be_prepared_failed(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    api.plan = RunPlan(failing_driver="AdExampleGen")
    server = KubeflowApi(settings_with())
    run_id = server.start(read_package(package_file), {})
    server.look(run_id)
    assert server.look(run_id).failed == ["AdExampleGen"]


def test_the_newest_run_is_found(api: KfpApiServer, settings_with: WithSettings, package_file: Path) -> None:
    server = KubeflowApi(settings_with())
    with pytest.raises(SettingsError, match="there is no experiment 'adclick'"):
        server.newest()
    package = read_package(package_file)
    started = [server.start(package, {}) for _ in range(3)]
    assert server.newest() == started[-1]
    assert f"-l pipeline/runid={started[-1]} " in server.log_command(started[-1])


def test_an_experiment_without_a_run_is_told(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    server = KubeflowApi(settings_with())
    server.schedule(read_package(package_file), {})
    with pytest.raises(SettingsError, match="experiment 'adclick' has no run yet"):
        server.newest()


def test_a_recurring_run_is_made_monthly(api: KfpApiServer, settings_with: WithSettings, package_file: Path) -> None:
    settings = settings_with("submission.service_account=runner", "submission.pipeline_root=s3://b/r")
    done = KubeflowApi(settings).schedule(read_package(package_file), {"spans": "latest"})
    (one,) = api.recurring.values()
    assert (done.change, done.schedule_id, done.disabled) == ("created", one["recurring_run_id"], ())
    assert one["display_name"] == done.name == "adclick-schedule"
    assert one["trigger"] == {"cron_schedule": {"cron": "0 0 4 2 * *"}}
    assert (one["mode"], one["max_concurrency"], one["no_catchup"]) == ("ENABLE", "1", True)
    assert one["runtime_config"] == {"parameters": {"spans": "latest"}, "pipeline_root": "s3://b/r"}
    assert one["service_account"] == "runner"


def test_an_unchanged_recurring_run_is_left_alone(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    """The server filled an account in, which nobody asked for and which is no change."""
    server = KubeflowApi(settings_with())
    first = server.schedule(read_package(package_file), {"epochs": 3})
    again = server.schedule(read_package(package_file), {"epochs": 3})
    assert (again.change, again.schedule_id) == ("unchanged", first.schedule_id)
    assert len(api.asked("POST", RECURRING)) == 1


@pytest.mark.parametrize(
    ("words", "parameters", "contents"),
    [
        (["submission.schedule.cron='0 30 5 3 * *'"], {}, [SPEC]),
        (["submission.pipeline_root=s3://b/other"], {}, [SPEC]),
        (["submission.service_account=other"], {}, [SPEC]),
        ([], {"epochs": 4}, [SPEC]),
        ([], {}, [SPEC, PLATFORM]),
    ],
)
def test_a_changed_recurring_run_takes_the_place_of_the_former(
    api: KfpApiServer,
    settings_with: WithSettings,
    tmp_path: Path,
    words: list[str],
    parameters: dict[str, int],
    contents: list[object],
) -> None:
    before = read_package(write_package(tmp_path / "a.yaml", SPEC))
    after = read_package(write_package(tmp_path / "b.yaml", *contents))
    first = KubeflowApi(settings_with()).schedule(before, {})
    second = KubeflowApi(settings_with(*words)).schedule(after, parameters)
    assert (second.change, second.disabled) == ("updated", (first.schedule_id,))
    modes = {key: one["mode"] for key, one in api.recurring.items()}
    assert modes == {first.schedule_id: "DISABLE", second.schedule_id: "ENABLE"}
    order = [one.path for one in api.requests if one.method == "POST" and one.path.startswith(RECURRING)]
    assert order == [RECURRING, RECURRING, f"{RECURRING}/{first.schedule_id}:disable"]


def test_a_recurring_run_is_switched_off_and_on(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    package = read_package(package_file)
    first = KubeflowApi(settings_with()).schedule(package, {})
    off = KubeflowApi(settings_with("submission.schedule.enabled=false"))
    assert off.schedule(package, {}).disabled == (first.schedule_id,)
    assert off.schedule(package, {}).change == "unchanged"
    assert [one["mode"] for one in api.recurring.values()] == ["DISABLE", "DISABLE"]
    KubeflowApi(settings_with()).schedule(package, {})
    assert [one["mode"] for one in api.recurring.values()] == ["DISABLE", "DISABLE", "ENABLE"]


def test_a_former_one_that_cannot_be_disabled_is_told_and_the_next_try_does_it(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    package = read_package(package_file)
    first = KubeflowApi(settings_with()).schedule(package, {})
    server = KubeflowApi(settings_with("submission.schedule.cron='0 0 5 2 * *'"))
    api.faults = [Fault("POST", ":disable$", status=500)]
    with pytest.raises(ApiError, match=f"{first.schedule_id} starts runs beside it: the same command again"):
        server.schedule(package, {})
    again = server.schedule(package, {})
    assert (again.change, again.disabled) == ("unchanged", (first.schedule_id,))
    assert sorted(one["mode"] for one in api.recurring.values()) == ["DISABLE", "ENABLE"]


def test_a_recurring_run_whose_answer_was_lost_is_not_made_twice(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path
) -> None:
    server = KubeflowApi(settings_with())
    api.faults = [Fault("POST", RECURRING, status=504, after=True)]
    done = server.schedule(read_package(package_file), {})
    assert list(api.recurring) == [done.schedule_id]


def test_names_are_found_beyond_the_first_page(
    api: KfpApiServer, settings_with: WithSettings, package_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven schedules in a row leave seven recurring runs, one enabled, with pages of two."""
    monkeypatch.setattr("pipeline.kubeflow.submission.recurring.PAGE", 2)
    package = read_package(package_file)
    for hour in range(7):
        done = KubeflowApi(settings_with(f"submission.schedule.cron='0 0 {hour} 2 * *'")).schedule(package, {})
        assert len(done.disabled) == min(hour, 1)  # none but the last one was enabled
    assert [one["mode"] for one in api.recurring.values()] == ["DISABLE"] * 6 + ["ENABLE"]


@pytest.mark.alone
def test_a_connection_is_made_in_a_moment(api: KfpApiServer, settings_with: WithSettings) -> None:
    """kfp's own client waits five times five seconds for a server that is not well; ours does not ask it to."""
    api.faults = [Fault("GET", "healthz", status=500, times=5)]
    began = time.monotonic()
    with pytest.raises(ApiError):
        KubeflowApi(settings_with())
    assert time.monotonic() - began < 4.0
