"""What Kubeflow's task details mean: Argo's nodes in, the pipeline's steps out."""

from __future__ import annotations

import datetime

import kfp_server_api as kfp
import pytest

from pipeline.kubeflow.submission.run_view import RunView, view_of

NOW = datetime.datetime(2026, 11, 2, 4, 10, tzinfo=datetime.timezone.utc)
NEVER = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)
"""Go's zero time."""


def ago(seconds: float) -> datetime.datetime:
    return NOW - datetime.timedelta(seconds=seconds)


def node(
    name: str, state: str | None, began: datetime.datetime | None = NEVER, ended: datetime.datetime | None = NEVER
) -> kfp.V2beta1PipelineTaskDetail:
    return kfp.V2beta1PipelineTaskDetail(display_name=name, state=state, start_time=began, end_time=ended)


def seen(*nodes: kfp.V2beta1PipelineTaskDetail, state: str | None = "RUNNING") -> RunView:
    run = kfp.V2beta1Run(run_id="r", state=state, run_details=kfp.V2beta1RunDetails(task_details=list(nodes)))
    return view_of(run, "", NOW)


def states(view: RunView) -> dict[str, tuple[str, float]]:
    return {name: (task.state, task.seconds) for name, task in view.tasks.items()}


def test_a_step_under_way_is_as_old_as_its_start() -> None:
    view = seen(node("A-driver", "SUCCEEDED", ago(95), ago(91)), node("A", "RUNNING", ago(90)))
    assert states(view) == {"A": ("running", 90.0)}


def test_a_step_that_was_not_begun_waits_and_may_fail_all_the_same() -> None:
    drivers = [node(f"{name}-driver", "SUCCEEDED") for name in "ABC"]
    view = seen(*drivers, node("A", "RUNNING"), node("B", "PENDING", None), node("C", "FAILED"))
    assert states(view) == {"C": ("failed", 0.0)}


@pytest.mark.parametrize("ended", [NEVER, None, datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)])
def test_an_end_that_has_not_been_is_written_in_several_ways(ended: datetime.datetime | None) -> None:
    assert states(seen(node("A-driver", "SUCCEEDED"), node("A", "RUNNING", ago(7), ended))) == {"A": ("running", 7.0)}


def test_less_than_two_seconds_are_the_caches() -> None:
    """No container of ours loads TensorFlow in that time."""
    drivers = [node("A-driver", "SUCCEEDED"), node("B-driver", "SUCCEEDED")]
    view = seen(*drivers, node("A", "SUCCEEDED", ago(60), ago(59)), node("B", "SUCCEEDED", ago(59), ago(57)))
    assert states(view) == {"A": ("cached", 1.0), "B": ("done", 2.0)}


def test_nodes_of_argos_own_are_no_steps() -> None:
    others = [node(name, "RUNNING", ago(9)) for name in ("adclick-x7k2q", "root", "root-driver", "executor")]
    assert states(seen(*others, node("A-driver", "RUNNING", ago(3)))) == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("FAILED", {"A": ("failed", 3.0)}),
        ("ERROR", {"A": ("failed", 3.0)}),
        ("CANCELED", {"A": ("canceled", 3.0)}),
        ("SKIPPED", {"A": ("skipped", 3.0)}),
        ("RUNTIME_STATE_UNSPECIFIED", {}),  # omitted, since a step before it failed
        (None, {}),
    ],
)
def test_every_way_to_end(state: str | None, expected: dict[str, tuple[str, float]]) -> None:
    assert states(seen(node("A-driver", "SUCCEEDED"), node("A", state, ago(5), ago(2)))) == expected


@pytest.mark.parametrize("order", [1, -1])
def test_a_driver_that_failed_is_the_steps_failure_in_whatever_order(order: int) -> None:
    nodes = [node("A-driver", "FAILED", ago(5), ago(4)), node("A", "RUNTIME_STATE_UNSPECIFIED")]
    assert states(seen(*nodes[::order], state="FAILED")) == {"A": ("failed", 1.0)}


@pytest.mark.parametrize(
    ("state", "expected", "ended"),
    [
        ("SUCCEEDED", "succeeded", True),
        ("FAILED", "failed", True),
        ("CANCELED", "canceled", True),
        ("CANCELING", "under way", False),
        ("PAUSED", "under way", False),
        ("PENDING", "under way", False),
        (None, "under way", False),
    ],
)
def test_states_of_a_run(state: str | None, expected: str, ended: bool) -> None:
    view = view_of(kfp.V2beta1Run(run_id="r", state=state), "", NOW)
    assert (view.state, view.ended, view.tasks) == (expected, ended, {})
