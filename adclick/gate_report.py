"""What the data gate saw: for the summary of a stopped run, and on the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adclick.errors import DataGateError
from adclick.filesystem import join, read_bytes


def gate_of(outputs: Mapping[str, Mapping[str, str]], stopped: Exception | None) -> dict[str, Any]:
    """What the data gate saw: as its error says it, or its artifact where another component stopped the run."""
    decision = stopped.decision if isinstance(stopped, DataGateError) else None
    verdict = outputs.get("AnomalyGate", {}).get("verdict")
    if verdict:
        decision = json.loads(read_bytes(join(verdict, "verdict.json")))
    if decision is None:
        return {"anomalies": [], "gate": None}
    from components.run_report.summary import gate_part

    return gate_part(dict(decision))


def gate_lines(summary: dict[str, Any]) -> list[str]:
    """What the data gate let pass, and what it could not look at."""
    noted = sum(one["decision"] == "noted" for one in summary["anomalies"])
    accepted = [one for one in summary["anomalies"] if one["decision"] == "accepted"]
    names = "; ".join(f"{one['feature']}:{one['type']}{_accepted_value(one)}" for one in accepted)
    lines = [f"anomalies  {noted} noted, {len(accepted)} accepted" + (f" ({names})" if names else "")]
    gate = summary["gate"]
    if gate["unused_accept"]:
        lines.append(f"           accepted in vain, no such anomaly: {', '.join(gate['unused_accept'])}")
    lines.append(_comparison_line("drift", gate["drift"]))
    if gate["skew"]["state"] != "off":
        lines.append(_comparison_line("skew", gate["skew"]))
    return lines


def _accepted_value(anomaly: dict[str, Any]) -> str:
    return "" if anomaly["value"] is None else f" {anomaly['value']:.3g}, limit {anomaly['threshold']:.3g}"


def _comparison_line(name: str, compared: dict[str, Any]) -> str:
    """The measurement that comes nearest to its limit, or goes furthest beyond it."""
    if compared["state"] != "checked":
        return f"{name:11}{compared['state']}: {compared['reason']}"
    sides = f"{name:11}{compared['new']} against {compared['reference']}"
    numbers = [one for one in compared["measured"] if one["value"] is not None]
    if not numbers:
        return f"{sides}: nothing to compare"
    limits = [one["threshold"] + one["sampling"] for one in numbers]
    ratios = [one["value"] / limit if limit else one["value"] for one, limit in zip(numbers, limits, strict=True)]
    nearest = max(range(len(numbers)), key=ratios.__getitem__)
    one = numbers[nearest]
    return (
        f"{sides}: nearest to its limit {one['feature']}, {one['measure']} {one['value']:.3g}, "
        f"at most {limits[nearest]:.3g}"
    )
