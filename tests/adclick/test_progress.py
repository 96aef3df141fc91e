"""What a person sees while components run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from adclick.progress import LiveProgress, PlainProgress, terminal
from adclick.redirection import output_to
from pipeline.kubeflow.submission.run_view import TaskView
from pipeline.local_runner import NodeResult

NODES = ["AdExampleGen", "Transform", "Trainer"]
DONE = NodeResult("AdExampleGen", "done", 12.34, Path("/out/logs/01-AdExampleGen.log"), {})
CACHED = NodeResult("Transform", "cached", 0.04, Path("/out/logs/02-Transform.log"), {})
FAILED = NodeResult("Trainer", "failed", 1234.5, Path("/out/logs/03-Trainer.log"), {})


def test_plain_lines_stand_in_columns() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.say("adclick: reading settings")
    progress.planned(NODES)
    for result in (DONE, CACHED, FAILED):
        progress.started(result.node_id)
        if result is FAILED:
            progress.noted(result.node_id, "trial 1/2: [bold]")
        progress.finished(result)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "adclick: reading settings",
        "  AdExampleGen  done       12.3 s  /out/logs/01-AdExampleGen.log",
        "  Transform     cached      0.0 s  /out/logs/02-Transform.log",
        "  Trainer       trial 1/2: [bold]",
        "  Trainer       failed   1234.5 s  /out/logs/03-Trainer.log",
    ]


def test_the_table_ends_as_it_stood() -> None:
    stream = io.StringIO()
    progress = LiveProgress(stream)
    progress.planned(NODES)
    progress.started("AdExampleGen")
    progress.finished(DONE)
    progress.started("Transform")
    progress.finished(CACHED)
    progress.close()
    progress.close()
    words = [line.split() for line in stream.getvalue().splitlines() if line.strip()]
    assert words == [
        ["component", "state", "time", "log"],
        ["AdExampleGen", "done", "12.3", "s", "01-AdExampleGen.log"],
        ["Transform", "cached", "0.0", "s", "02-Transform.log"],
        ["Trainer", "waiting"],
    ]


def test_a_components_lines_stand_above_the_table_as_they_came() -> None:
    stream = io.StringIO()
    progress = LiveProgress(stream)
    progress.planned(["Tuner"])
    progress.started("Tuner")
    progress.noted("Tuner", "trial 1/2: model.deep_units [64, 32] " + "x" * 200)
    progress.close()
    assert f"Tuner: trial 1/2: model.deep_units [64, 32] {'x' * 200}" in stream.getvalue()


def test_closing_before_anything_was_planned_draws_nothing() -> None:
    stream = io.StringIO()
    LiveProgress(stream).close()
    assert stream.getvalue() == ""


def test_the_terminal_is_the_one_of_the_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with terminal() as stream, output_to(tmp_path / "a.log"):
        print("seen", file=stream)
    assert capfd.readouterr().out == "seen\n"
    assert (tmp_path / "a.log").read_text() == ""


def test_components_side_by_side_have_a_clock_each() -> None:
    """One has been running for two minutes when it is first seen, the other starts now."""
    stream = io.StringIO()
    progress = LiveProgress(stream)
    progress.planned(["StatisticsGen", "CreativeGen", "Pusher"])
    progress.started("StatisticsGen", 120.0)
    progress.started("CreativeGen")
    progress.close()
    clocks = {words[0]: words[2] for words in map(str.split, stream.getvalue().splitlines()) if len(words) > 2}
    assert 120.0 <= float(clocks["StatisticsGen"]) < 150.0
    assert 0.0 <= float(clocks["CreativeGen"]) < 30.0


def test_a_pipeline_without_components_draws_an_empty_table() -> None:
    for progress in (LiveProgress(io.StringIO()), PlainProgress(io.StringIO())):
        progress.planned([])
        progress.close()


def test_what_has_no_log_ends_its_line_with_the_time() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.planned(["Transform"])
    progress.finished(TaskView("Transform", "canceled", 3.0))
    assert stream.getvalue() == "  Transform  canceled     3.0 s\n"


def test_a_line_above_the_table_is_what_was_said() -> None:
    """Neither cut into lines, so that a command can be copied, nor read as markup."""
    stream = io.StringIO()
    LiveProgress(stream).say(f"kubectl logs [/none] [bold]{'x' * 200}")
    assert stream.getvalue() == f"kubectl logs [/none] [bold]{'x' * 200}\n"
