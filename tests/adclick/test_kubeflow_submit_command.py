"""`adclick kubeflow submit` and `status` against a server of the API: what is printed, and the exit status."""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kfp_api_server import Fault, KfpApiServer
from run_plan import RunPlan
from small_pipeline import SPEC, TOKEN, write_package

from adclick.kubeflow_submit_command import add_submit_verbs

REPOSITORY = Path(__file__).parents[2]
Command = Callable[..., int]


@pytest.fixture
def api() -> Iterator[KfpApiServer]:
    server = KfpApiServer()
    server.start()
    yield server
    server.stop()
    assert server.breaches == []


@pytest.fixture
def command(api: KfpApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a verb with settings that lead to the server and a package in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADCLICK_KFP_TOKEN", raising=False)
    monkeypatch.setattr("pipeline.kubeflow.submission.connection.FIRST_PAUSE_S", 0.01)
    write_package(tmp_path / "pipeline.yaml", SPEC)

    def run(verb: str, *words: str) -> int:
        parser = argparse.ArgumentParser()
        add_submit_verbs(parser.add_subparsers())
        settings = ["--set", f"submission.host={api.host}", "--set", "submission.poll_s=0.01"]
        args = parser.parse_args([verb, *settings, *words])
        return int(args.run(args))

    return run


def summary(root: Path, run_id: str, version: int | None) -> None:
    """As RunReport leaves it."""
    folder = root / "reports" / run_id
    folder.mkdir(parents=True)
    verdict = {"blessed": version is not None, "reasons": [] if version else ["auc 0.51 is below 0.55"]}
    (folder / "summary.json").write_text(json.dumps({"pushed_version": version, "verdict": verdict}))


def test_a_run_is_followed_to_its_end(api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    api.plan = RunPlan(cached=frozenset({"AnomalyGate"}))
    assert command("submit") == 0
    (run_id,) = api.runs
    name = api.runs[run_id]["display_name"]
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        f"adclick: 'adclick' runs at {api.host}; look at it with `adclick kubeflow status`",
        f"run_id: {run_id}",
        "  AdExampleGen     done       60.0 s",
        "  AnomalyGate      cached      1.0 s",
        "  CreativeTrainer  done       60.0 s",
        "  AtomicPusher     done       60.0 s",
        f"run {name}: succeeded",
        f"  page  {api.host}/#/runs/details/{run_id}",
    ]
    assert err == ""


def test_a_failure_names_the_step_and_the_way_to_its_log(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    api.plan = RunPlan(failing="CreativeTrainer", looks_per_step=3)
    assert command("submit") == 1
    (run_id,) = api.runs
    out = capfd.readouterr().out
    assert "  CreativeTrainer  failed     60.0 s\n" in out
    assert ": failed: run failed\n  CreativeTrainer failed\n  log   kubectl logs -n kubeflow" in out
    assert f"-l pipeline/runid={run_id} -c main" in out
    assert "AtomicPusher" not in out


def test_the_data_gate_has_an_exit_status_of_its_own(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    api.plan = RunPlan(failing="AnomalyGate")
    assert command("submit") == 4
    assert "AnomalyGate failed; the data gate stopped the run, and its log names the features" in capfd.readouterr().out


def test_a_stop_at_another_step_is_told_by_the_report_that_it_leaves(
    api: KfpApiServer, command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """AdExampleGen refuses files too; a failure of any other kind leaves no report."""
    api.plan = RunPlan(failing="AdExampleGen")
    root = ["--set", f"pipeline_root={tmp_path / 'state'}"]
    assert command("submit", *root) == 1
    (run_id,) = api.runs
    summary(tmp_path / "state", run_id, None)
    assert command("status", *root) == 4
    assert "NOT BLESSED: nothing was pushed: auc" in capfd.readouterr().out


def test_a_run_that_somebody_ends_has_failed(api: KfpApiServer, command: Command) -> None:
    api.plan = RunPlan(canceled_after=2)
    assert command("submit") == 1


@pytest.mark.parametrize(
    ("version", "status", "line"),
    [
        (7, 0, "  BLESSED: version 7 is in service"),
        (None, 3, "  NOT BLESSED: nothing was pushed: auc 0.51 is below 0.55"),
    ],
)
def test_the_runs_report_tells_whether_a_model_was_pushed(
    api: KfpApiServer,
    command: Command,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    version: int | None,
    status: int,
    line: str,
) -> None:
    root = ["--set", f"pipeline_root={tmp_path / 'state'}"]
    assert command("submit", "--no-wait", *root) == 0
    (run_id,) = api.runs
    summary(tmp_path / "state", run_id, version)
    capfd.readouterr()
    assert command("status", "--follow", *root) == status
    assert line in capfd.readouterr().out.splitlines()
    assert command("status", run_id, "--json", *root) == status
    document = json.loads(capfd.readouterr().out)
    assert (document["state"], document["pushed_version"]) == ("succeeded", version)
    assert document["verdict"]["blessed"] is (version is not None)
    assert document["tasks"]["AtomicPusher"]["state"] == "done"


def test_status_shows_a_run_under_way(api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    """Looks: pending, then the first step under way; `steps` looks once, too."""
    api.plan = RunPlan(looks_per_step=4)
    assert command("submit", "--no-wait") == 0
    (run_id,) = api.runs
    assert command("status", run_id) == 0
    capfd.readouterr()
    assert command("status") == 0
    out = capfd.readouterr().out
    assert "  AdExampleGen     running" in out
    assert ": under way\n" in out
    assert "failed" not in out


def test_an_outage_is_sat_out(api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    api.faults = [Fault("GET", "/runs/", status=503, times=6), Fault("GET", "/runs/", status=0, times=6)]
    assert command("submit", "--set", "submission.max_attempts=2") == 0
    out = capfd.readouterr().out
    assert out.count("the run goes on; asking again every 0.01 s") == 1
    assert ": succeeded\n" in out


def test_patience_with_a_run_ends(api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    api.plan = RunPlan(looks_per_step=10_000)
    assert command("submit", "--set", "submission.wait_timeout_s=0.2") == 1
    (run_id,) = api.runs
    assert capfd.readouterr().err.splitlines() == [
        "adclick kubeflow: no end within submission.wait_timeout_s, 0.2 s",
        f"  run {run_id} goes on: `adclick kubeflow status {run_id} --follow`",
    ]


def test_a_token_that_expires_does_not_end_the_run(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    api.faults = [Fault("GET", "/runs/", status=401, words="token expired")]
    assert command("submit") == 2
    (run_id,) = api.runs
    told = capfd.readouterr().err
    assert "not signed in (HTTP 401: token expired)" in told
    assert f"run {run_id} goes on: " in told


def test_a_refusal_is_a_fault_of_the_settings(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    api.token = TOKEN
    assert command("submit") == 2
    assert command("status", "no-such-run") == 2
    api.token = None
    assert command("status", "no-such-run") == 2
    errors = capfd.readouterr().err
    assert errors.count("not signed in (HTTP 401") == 2
    assert "look at run no-such-run: not found (HTTP 404): Run no-such-run not found." in errors


def test_what_cannot_be_submitted_asks_nothing_of_the_server(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command("submit", "--package", "none.yaml") == 2
    assert command("submit", "--set", "submission.parameters={epoch: 3}") == 2
    assert command("submit", "--set", "submission.hots=x") == 2
    assert command("submit", "--force-bless", "...") == 2
    assert command("submit", "--force-bless", "ticket 4711", "--schedule") == 2
    assert api.requests == []
    assert "unknown key; did you mean 'host'?" in capfd.readouterr().err


def test_fresh_takes_caching_away(api: KfpApiServer, command: Command) -> None:
    assert command("submit", "--no-wait") == 0
    assert command("submit", "--no-wait", "--fresh") == 0
    assert command("submit", "--no-wait", "--set", "submission.caching=false") == 0
    compiled, fresh = api.versions.values()
    tasks = fresh["pipeline_spec"]["root"]["dag"]["tasks"].values()
    assert [task["cachingOptions"] for task in tasks] == [{}] * 4
    assert compiled["pipeline_spec"] == SPEC


def test_parameters_and_a_reason_to_force_go_with_the_run(api: KfpApiServer, command: Command, tmp_path: Path) -> None:
    inputs = {"parameters": {"force_bless": {"parameterType": "STRING", "isOptional": True}}}
    spec = {**SPEC, "root": {**SPEC["root"], "inputDefinitions": inputs}}
    write_package(tmp_path / "pipeline.yaml", spec)
    assert command("submit", "--no-wait") == 0
    assert command("submit", "--no-wait", "--force-bless", " ticket\n4711 ") == 0
    sent = [run["runtime_config"]["parameters"] for run in api.runs.values()]
    assert sent == [{}, {"force_bless": "ticket 4711"}]


def test_the_schedule_is_made_and_then_updated(
    api: KfpApiServer, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command("submit", "--schedule") == 0
    assert command("submit", "--schedule") == 0
    assert command("submit", "--schedule", "--set", "submission.schedule.cron='0 0 6 3 * *'") == 0
    first, second = api.recurring
    assert capfd.readouterr().out.splitlines() == [
        f"adclick: recurring run 'adclick-schedule' created ({first}) at {api.host}",
        f"adclick: recurring run 'adclick-schedule' unchanged ({first}) at {api.host}",
        f"adclick: recurring run 'adclick-schedule' updated ({second}) at {api.host}",
        f"  disabled the former one ({first})",
    ]
    assert api.runs == {}


def test_a_token_is_nowhere_but_in_the_header(
    api: KfpApiServer,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Runs that end well and badly, with every log on; the server's refusal repeats the header that it was sent."""
    monkeypatch.setenv("CLICKS_TOKEN", TOKEN)
    named = ["--set", "submission.token_variable=CLICKS_TOKEN"]
    api.token = TOKEN
    with caplog.at_level(logging.DEBUG):
        assert command("submit", *named) == 0
        assert command("submit", "--schedule", *named) == 0
        assert command("status", "--json", *named) == 0
        api.token = "another"
        assert command("status", *named) == 2
    seen = capfd.readouterr()
    assert all(one.headers["authorization"] == f"Bearer {TOKEN}" for one in api.requests)
    places: dict[str, Any] = {
        "printed": seen.out + seen.err,
        "logged": caplog.text,
        "uploaded": b"".join(api.uploads).decode(),
        "asked": json.dumps([(one.path, one.query, one.body) for one in api.requests]),
        "kept": json.dumps([api.runs, api.recurring, api.versions, api.pipelines, api.experiments]),
    }
    places |= {str(file): file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert str(tmp_path / "pipeline.yaml") in places
    assert [place for place, text in places.items() if TOKEN in text] == []
    assert "'Bearer ***'" in seen.err  # the refusal was there to repeat it


def test_the_verbs_are_there_before_anything_heavy() -> None:
    """kfp, yaml and TensorFlow wait until something is submitted."""
    code = (
        "import argparse, sys; from adclick.kubeflow_submit_command import add_submit_verbs; "
        "add_submit_verbs(argparse.ArgumentParser().add_subparsers()); "
        "print([name for name in ('kfp', 'kfp_server_api', 'yaml', 'pydantic', 'tensorflow', 'google.protobuf') "
        "if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout == "[]\n"
