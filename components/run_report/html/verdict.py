"""The verdict in a few words, and what kind of verdict it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class VerdictView(NamedTuple):
    """What the top of the page says."""

    tone: str
    """good, careful or bad: the colour."""
    heading: str
    reasons: tuple[str, ...]


def verdict_view(summary: Mapping[str, Any]) -> VerdictView:
    """Four cases: in service, blessed yet not in service, not blessed, stopped before there was a model to judge."""
    verdict = summary["verdict"]
    reasons = tuple(verdict["reasons"])
    if summary["metrics"] is None:
        return VerdictView("bad", "Stopped: nothing was trained and pushed", reasons)
    if not verdict["blessed"]:
        return VerdictView("bad", "Not blessed: nothing was pushed", reasons)
    if summary["pushed_version"] is None:
        return VerdictView("careful", "Blessed, but not in service", reasons)
    if all(bound["held"] for bound in verdict["bounds"] if bound.get("decides", True)):
        canary = verdict.get("canary")
        served = ", and served answers equal offline ones" if canary and canary["state"] == "passed" else ""
        return VerdictView("good", "Blessed and in service", reasons or (f"Every bound holds{served}.",))
    return VerdictView("careful", "In service, though a bound does not hold", reasons)
