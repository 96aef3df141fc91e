"""How a run of the stub server goes: step by step, one look after the other."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

STEP_S, CACHED_S = 60, 1
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time, which the backend sends for what has not been."""


class RunPlan(NamedTuple):
    """What becomes of a run."""

    looks_per_step: int = 1
    """Looks at the run until a step has ended."""
    failing: str | None = None
    """Step that fails."""
    failing_driver: str | None = None
    """Step that cannot be prepared."""
    cached: frozenset[str] = frozenset()
    canceled_after: int | None = None
    """Looks until somebody ends it."""


def progress(plan: RunPlan, steps: list[str], looks: int, began: datetime.datetime) -> tuple[str, list[dict[str, Any]]]:
    """The run's state and its task details as the backend tells them: nodes of Argo's workflow, in no order."""
    done = looks // plan.looks_per_step
    details = [_node("root-driver", "SUCCEEDED", began, began)] if looks else []
    state, clock = "RUNNING" if looks else "PENDING", began
    for place, step in enumerate(steps):
        if place > done or not looks:
            break
        driver = "FAILED" if step == plan.failing_driver else "SUCCEEDED"
        details.append(_node(f"{step}-driver", driver, clock, clock))
        if driver == "FAILED":
            return "FAILED", [*details, _node("root", "FAILED", began, clock)]
        ended = clock + datetime.timedelta(seconds=CACHED_S if step in plan.cached else STEP_S)
        if plan.canceled_after is not None and looks > plan.canceled_after:
            details += [_node(step, "FAILED", clock, ended), _node("root", "FAILED", began, ended)]
            return "CANCELED", details
        if place == done:
            details += [_node("executor", "RUNNING", clock, None), _node(step, "RUNNING", clock, None)]
            break
        outcome = "FAILED" if step == plan.failing else "SUCCEEDED"
        executor = "SKIPPED" if step in plan.cached else outcome
        details += [_node("executor", executor, clock, ended), _node(step, outcome, clock, ended)]
        if outcome == "FAILED":
            return "FAILED", [*details, _node("root", "FAILED", began, ended)]
        clock = ended
    else:
        state = "SUCCEEDED"
    return state, [*details, _node("root", state, began, clock if state == "SUCCEEDED" else None)]


def rfc3339(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _node(name: str, state: str, began: datetime.datetime, ended: datetime.datetime | None) -> dict[str, Any]:
    return {
        "task_id": f"task-{name}",
        "display_name": name,
        "create_time": rfc3339(began),
        "start_time": rfc3339(began),
        "end_time": NEVER if ended is None else rfc3339(ended),
        "state": state,
        "state_history": [{"update_time": rfc3339(began), "state": state}],
    }
