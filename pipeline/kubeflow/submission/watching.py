"""Looks at a run until it ends, and shows each step as a local run does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from adclick.errors import AdclickError
from adclick.progress import RUNNING, WAITING, LiveProgress, PlainProgress
from configs.submission import Submission
from pipeline.kubeflow.submission.failures import ApiError
from pipeline.kubeflow.submission.run_view import RunView, TaskView, known_tasks

LONGEST_OUTAGE_S = 600.0
"""How long the API may be away while a run goes on; an upgrade of it takes minutes."""
DATA_GATE = "AnomalyGate"
FAILURE, DATA_STOPPED = 1, 4


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
    """The run as it ended; `nodes`: its steps in order, or none for those that the first look shows.

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
            names = list(nodes) or list(view.tasks)
            if not planned and names:
                progress.planned(names)
                planned = True
            shown.update(known_tasks(view, names))
            if view.ended:
                return view
        if time.monotonic() - began + submission.poll_s > submission.wait_timeout_s:
            raise AdclickError(
                f"no end within submission.wait_timeout_s, {submission.wait_timeout_s:g} s; the run goes on: look again "
                "with `adclick kubeflow status --follow`"
            )
        time.sleep(submission.poll_s)


def exit_status(view: RunView) -> int:
    """As `adclick run` has it, as far as the API tells: 0 succeeded, 4 stopped by the data gate, 1 failed."""
    if view.ended and view.state != "succeeded":
        return DATA_STOPPED if view.failed == [DATA_GATE] else FAILURE
    return 0


def ending(view: RunView, nodes: Sequence[str], see_log: str) -> str:
    """The run's end in words, with where to read on."""
    tasks = known_tasks(view, nodes) if nodes else view.tasks
    lines = [f"run {view.name or view.run_id}: {view.state}{f': {view.error}' if view.error else ''}"]
    for name in view.failed:
        if name in tasks:
            told = tasks[name].error
            stopped = " (the data gate stopped the run; its log names the features)" if name == DATA_GATE else ""
            lines.append(f"  {name} failed{f': {told}' if told else ''}{stopped}")
    if view.failed:
        lines.append(f"  log      {see_log}")
    lines.append(f"  page     {view.link}")
    return "\n".join(lines)
