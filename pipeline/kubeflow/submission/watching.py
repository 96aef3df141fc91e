"""Looks at a run until it ends, and shows each step as a local run does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adclick.errors import AdclickError
from adclick.progress import RUNNING, WAITING, LiveProgress, PlainProgress
from adclick.quality_report import decision_line
from configs.submission import Submission
from pipeline.kubeflow.submission.failures import ApiError
from pipeline.kubeflow.submission.run_view import FAILED, SUCCEEDED, RunView, TaskView

LONGEST_OUTAGE_S = 600.0
"""How long the API may be away while a run goes on; an upgrade of it takes minutes."""
DATA_GATE = "AnomalyGate"
FAILURE, NOT_PUSHED, DATA_STOPPED = 1, 3, 4


class _Shown:
    """Tells the progress what changed since the last look."""

    def __init__(self, progress: LiveProgress | PlainProgress) -> None:
        self._progress = progress
        self._states: dict[str, str] = {}

    def update(self, tasks: dict[str, TaskView]) -> None:
        for name, task in tasks.items():
            if self._states.get(name, WAITING) == task.state:
                continue
            self._states[name] = task.state
            if task.state == RUNNING:
                self._progress.started(name, task.seconds)
            elif task.state != WAITING:
                self._progress.finished(task)


def watch(
    look: Callable[[], RunView],
    nodes: Sequence[str],
    progress: LiveProgress | PlainProgress,
    submission: Submission,
) -> RunView:
    """The run as it ended; `nodes`: its steps in order.

    Raises AdclickError after `submission.wait_timeout_s`, and ApiError where the API stays away for ten minutes.
    """
    began = heard = time.monotonic()
    shown, planned, away = _Shown(progress), False, False
    while True:
        try:
            view = look()
        except ApiError as error:
            if not error.passing or time.monotonic() - heard > LONGEST_OUTAGE_S:
                raise
            if not away:
                progress.say(f"adclick: {error}\n  the run goes on; asking again every {submission.poll_s:g} s")
            away = True
        else:
            heard, away = time.monotonic(), False
            if not planned:
                progress.planned([*nodes, *(name for name in view.tasks if name not in nodes)])
                planned = True
            shown.update(view.tasks)
            if view.ended:
                return view
        if time.monotonic() - began + submission.poll_s > submission.wait_timeout_s:
            raise AdclickError(f"no end within submission.wait_timeout_s, {submission.wait_timeout_s:g} s")
        time.sleep(submission.poll_s)


def show(view: RunView, nodes: Sequence[str], progress: LiveProgress | PlainProgress) -> None:
    """The steps as they stand."""
    progress.planned([*nodes, *(name for name in view.tasks if name not in nodes)])
    for name, task in view.tasks.items():
        if task.state == RUNNING:
            progress.started(name, task.seconds)
        if task.state != RUNNING or isinstance(progress, PlainProgress):
            progress.finished(task)


def exit_status(view: RunView, summary: Mapping[str, Any] | None) -> int:
    """As `adclick run` has it: 0 pushed, 3 nothing pushed, 4 stopped by the data gate, 1 failed.

    The API tells which steps failed, not why, and nothing of a push. Of runs that failed only those have a report that
    the data gate stopped; where none can be read, a failure of AnomalyGate stands for that, and success for a push.
    A run under way is 0.
    """
    if not view.ended:
        return 0
    if view.state != SUCCEEDED:
        stopped = summary is not None or view.failed == [DATA_GATE]
        return DATA_STOPPED if view.state == FAILED and stopped else FAILURE
    return 0 if summary is None or summary["pushed_version"] is not None else NOT_PUSHED


def standing(view: RunView, summary: Mapping[str, Any] | None, log_command: str) -> str:
    """How the run stands in words, and where to read on."""
    lines = [f"run {view.name or view.run_id}: {view.state}{f': {view.error}' if view.error else ''}"]
    for name in view.failed:
        told = view.tasks[name].error
        gate = "; the data gate stopped the run, and its log names the features" if name == DATA_GATE else ""
        lines.append(f"  {name} failed{f': {told}' if told else ''}{gate}")
    if view.failed:
        lines.append(f"  log   {log_command}")
    if summary is not None:
        lines.append(f"  {decision_line(dict(summary))}")
    if view.link:
        lines.append(f"  page  {view.link}")
    return "\n".join(lines)
