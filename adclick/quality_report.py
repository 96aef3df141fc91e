"""What the gate on the model measured and decided, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST_SLICES = 10
STATES = {"held": "held   ", "failed": "FAILED ", "unclear": "unclear"}


def bound_lines(verdict: dict[str, Any]) -> list[str]:
    """Each bound on all rows, and of the slices those that failed, those that are unclear and the one nearest to it."""
    bounds = verdict["bounds"]
    lines = [_bound_line(bound) for bound in bounds if not bound.get("slice")]
    slices = [bound for bound in bounds if bound.get("slice")]
    failed = [bound for bound in slices if bound["state"] == "failed"]
    lines += [_bound_line(bound) for bound in failed[:MOST_SLICES]]
    if len(failed) > MOST_SLICES:
        lines.append(f"  FAILED  {len(failed) - MOST_SLICES} more bounds of slices, see summary.json")
    if slices and not failed:
        lines.append(_nearest_line(slices))
    return lines + _left_out_lines(verdict.get("slices_too_small"))


def decision_line(summary: dict[str, Any]) -> str:
    """What became of the model; where nothing was pushed, why."""
    verdict, version = summary["verdict"], summary["pushed_version"]
    reasons = "; ".join(verdict["reasons"])
    force = verdict.get("force")
    if verdict["blessed"] and version is not None:
        if force and force["overruled"]:
            overruled = "; ".join(force["overruled"])
            return f"BLESSED BY FORCE ({_told(force)}): version {version} is in service, although {overruled}"
        unneeded = f" (no bound failed: {_told(force)} was not needed)" if force else ""
        return f"BLESSED: version {version} is in service{unneeded}"
    earlier = verdict.get("in_service_by_force")
    if earlier:
        return (
            f"NOT BLESSED, and in service by --force-bless: {earlier['reason']}, by {earlier['who']}: "
            f"version {version} stays, although {reasons}"
        )
    return f"{'BLESSED, but not in service' if verdict['blessed'] else 'NOT BLESSED: nothing was pushed'}: {reasons}"


def _told(force: dict[str, Any]) -> str:
    return f"--force-bless by {force['who']}: {force['reason']}"


def _bound_line(bound: dict[str, Any]) -> str:
    state = bound.get("state") or ("held" if bound["held"] else "failed")
    blocks = ", blocks by evaluation.when_unclear" if state == "unclear" and not bound["held"] else ""
    return f"  {STATES[state]} {_text(bound)}{blocks}"


def _text(bound: dict[str, Any]) -> str:
    name = f"{bound['name']} in {bound['slice']}" if bound.get("slice") else bound["name"]
    interval = "" if bound.get("low") is None else f" [{bound['low']:.4f}, {bound['high']:.4f}]"
    value = "undefined" if bound["value"] is None else f"{bound['value']:.4f}"
    note = f" ({bound['note']})" if bound.get("note") and bound.get("state") != "held" else ""
    return f"{name} {value}{interval} {bound['relation']} {bound['bound']:g}{note}"


def _nearest_line(bounds: Sequence[dict[str, Any]]) -> str:
    """The comparison that noise explains least."""
    nearest = min(bounds, key=lambda bound: (bound["p_value"], -_share_used(bound)))
    unclear = sum(bound["state"] == "unclear" for bound in bounds)
    names = {bound["slice"] for bound in bounds}
    told = f"{len(bounds)} bounds of {_count(len(names), 'slice')}"
    if unclear:
        told += f", {unclear} of them unclear for so few rows"
    return f"  held    {told}; nearest to its bound: {_text(nearest)}"


def _share_used(bound: dict[str, Any]) -> float:
    return float(bound["value"] / bound["bound"]) if bound["bound"] else float(abs(bound["value"]))


def _left_out_lines(too_small: dict[str, Any] | None) -> list[str]:
    if not too_small or not too_small["count"]:
        return []
    shown = too_small["largest"][:3]
    told = "; ".join(f"{one['slice']}: {one['reason']}" for one in shown)
    more = f"; and {too_small['count'] - len(shown):,} more" if too_small["count"] > len(shown) else ""
    return [f"  left out {_count(too_small['count'], 'slice')} too small to decide ({told}{more})"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
