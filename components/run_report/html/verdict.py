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
    """In service, there by force, blessed yet not in service, not blessed, or stopped before there was a model."""
    verdict = summary["verdict"]
    reasons = tuple(verdict["reasons"])
    if summary["metrics"] is None:
        return VerdictView("bad", "Stopped: nothing was trained and pushed", reasons)
    earlier = verdict.get("in_service_by_force")
    if earlier:
        told = f"In service by --force-bless: {earlier['reason']}, by {earlier['who']}"
        return VerdictView("careful", "In service by an operator's word, against the gate", (told, *reasons))
    if not verdict["blessed"]:
        return VerdictView("bad", "Not blessed: nothing was pushed", reasons)
    if summary["pushed_version"] is None:
        return VerdictView("careful", "Blessed, but not in service", reasons)
    force = verdict.get("force")
    if force and force.get("overruled"):
        told = f"{force['who']}: {force['reason']}"
        return VerdictView("careful", "In service by an operator's word, against the gate", (told, *force["overruled"]))
    if all(bound["held"] for bound in verdict["bounds"]):
        canary = verdict.get("canary")
        served = ", and served answers equal offline ones" if canary and canary["state"] == "passed" else ""
        return VerdictView("good", "Blessed and in service", reasons or (f"Every bound holds{served}.",))
    return VerdictView("careful", "In service, though a bound does not hold", reasons)


class BoundsView(NamedTuple):
    """Indices of the verdict's bounds."""

    first: list[int]
    """On all rows, and those of slices that failed."""
    others: list[int]
    """Of slices, held or unclear."""


def bounds_view(verdict: Mapping[str, Any]) -> BoundsView:
    """Which bounds are shown at once, and which on request: many slices have many bounds."""
    numbered = list(enumerate(verdict["bounds"]))
    first = [index for index, bound in numbered if not bound.get("slice")]
    first += [index for index, bound in numbered if bound.get("slice") and not bound["held"]]
    return BoundsView(first, [index for index, _ in numbered if index not in set(first)])
