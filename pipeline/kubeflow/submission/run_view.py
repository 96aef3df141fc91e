"""How a run stands, whichever API tells it."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from adclick.progress import RUNNING, WAITING

DONE, CACHED, SKIPPED, FAILED, CANCELED = "done", "cached", "skipped", "failed", "canceled"
SUCCEEDED, UNDER_WAY = "succeeded", "under way"
ENDS = (SUCCEEDED, FAILED, CANCELED)
DRIVER = "-driver"
CACHED_BELOW_S = 2.0
"""Kubeflow's API does not say that the cache answered; no container of ours loads TensorFlow in this time."""

_RUN_STATES = {
    "SUCCEEDED": SUCCEEDED,
    "SKIPPED": SUCCEEDED,
    "FAILED": FAILED,
    "ERROR": FAILED,
    "CANCELED": CANCELED,
}
_TASK_STATES = {
    "RUNNING": RUNNING,
    "CANCELING": RUNNING,
    "SKIPPED": SKIPPED,
    "FAILED": FAILED,
    "ERROR": FAILED,
    "CANCELED": CANCELED,
}


class TaskView(NamedTuple):
    """How a step stands."""

    node_id: str
    state: str
    seconds: float
    error: str = ""
    log: str = ""


class RunView(NamedTuple):
    """How a run stands."""

    run_id: str
    name: str
    state: str
    tasks: dict[str, TaskView]
    """The steps that were begun, by name."""
    error: str
    link: str
    created: str = ""

    @property
    def ended(self) -> bool:
        """Whether it will change no more."""
        return self.state in ENDS

    @property
    def failed(self) -> list[str]:
        """The steps that failed."""
        return [name for name, task in self.tasks.items() if task.state == FAILED]


def view_of(run: Any, link: str, now: datetime.datetime | None = None) -> RunView:
    """From Kubeflow's `V2beta1Run`.

    Its task details are the nodes of Argo's workflow. Of a step there are `NAME` and before it `NAME-driver`, which
    fails where the step cannot be prepared; the graph is `root` (backend/src/v2/compiler/argocompiler/dag.go).
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    details = (run.run_details.task_details if run.run_details else None) or []
    steps = {name.removesuffix(DRIVER) for name in map(_name, details) if name.endswith(DRIVER)} - {"root"}
    tasks: dict[str, TaskView] = {}
    for detail in details:
        name = _name(detail)
        step = name.removesuffix(DRIVER)
        task = _task(step, detail, now)
        if step not in steps or task.state == WAITING or (step != name and task.state != FAILED):
            continue
        if step not in tasks or task.state == FAILED:
            tasks[step] = task
    return RunView(
        str(run.run_id),
        str(run.display_name or ""),
        _RUN_STATES.get(str(run.state or "").upper(), UNDER_WAY),
        tasks,
        _message(run.error),
        link,
        run.created_at.isoformat(timespec="seconds") if run.created_at else "",
    )


def _name(detail: Any) -> str:
    return str(detail.display_name or "")


def _task(name: str, detail: Any, now: datetime.datetime) -> TaskView:
    raw = str(detail.state or "").upper()
    began, ended = detail.start_time, detail.end_time
    if began is None or began.year < 1980:  # Go's zero time stands for none
        state = _TASK_STATES.get(raw, WAITING)
        return TaskView(name, WAITING if state == RUNNING else state, 0.0, _message(detail.error))
    finished = ended is not None and ended >= began
    seconds = max(0.0, ((ended if finished else now) - began).total_seconds())
    state = _TASK_STATES.get(raw, WAITING)
    if raw == "SUCCEEDED":
        state = CACHED if seconds < CACHED_BELOW_S else DONE
    return TaskView(name, state, seconds, _message(detail.error))


def _message(error: Any) -> str:
    return " ".join(str(error.message or "").split()) if error is not None else ""
