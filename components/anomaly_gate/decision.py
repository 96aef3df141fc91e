"""Decides whether a month's data may be trained on. Every limit is reported with its number, held or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from configs.settings import AnomalyLimits, Creatives, RowLimits


class Anomaly(NamedTuple):
    """One anomaly that ExampleValidator found."""

    split: str
    feature: str
    type: str
    severity: str
    description: str


class Check(NamedTuple):
    """One limit."""

    name: str
    value: float
    limit: float
    held: bool
    fix: str


class Decision(NamedTuple):
    """What the gate saw and decided."""

    passed: bool
    checks: list[Check]
    stopping: list[Anomaly]
    accepted: list[Anomaly]
    noted: list[Anomaly]

    def reasons(self) -> list[str]:
        """One line for each thing that stops the run."""
        limits = [
            f"{check.name}: {check.value:.4g}, at most {check.limit:.4g}; {check.fix}"
            for check in self.checks
            if not check.held
        ]
        anomalies = [
            f"{one.split} split: feature {one.feature!r}: {one.type}: {one.description}; "
            f"correct the data or the schema, or accept it with anomalies.accept: [{one.feature}:{one.type}]"
            for one in self.stopping
        ]
        return limits + anomalies


def decide(
    rows: dict[str, Any],
    creatives: dict[str, Any],
    anomalies: Sequence[Anomaly],
    row_limits: RowLimits,
    creative_limits: Creatives,
    anomaly_limits: AnomalyLimits,
) -> Decision:
    """`rows`: {read, rejected: {reason: n}}; `creatives`: {distinct, unusable: {reason: n}}."""
    read, rejected = rows["read"], rows["rejected"]
    look = "see rejects.csv of the run's report, correct the files or raise data.limits.max_rejected_share"
    checks = [_share("share of rejected rows", sum(rejected.values()), read, row_limits.max_rejected_share, look)]
    for reason, limit in sorted(row_limits.max_rejected_share_by_reason.items()):
        checks.append(
            _share(f"share of rows rejected as {reason}", rejected.get(reason, 0), read, limit, f"{look}_by_reason")
        )
    unusable = sum(creatives["unusable"].values())
    look = "see unusable.csv of the creative store, deliver the images or raise creatives.max_unusable_share"
    checks.append(
        _share(
            "share of unusable creatives",
            unusable,
            creatives["distinct"],
            creative_limits.max_unusable_share,
            look,
        )
    )
    errors = [one for one in anomalies if one.severity == "ERROR"]
    accepted = [one for one in errors if {one.feature, f"{one.feature}:{one.type}"} & set(anomaly_limits.accept)]
    stopping = [one for one in errors if one not in accepted]
    noted = [one for one in anomalies if one.severity != "ERROR"]
    return Decision(not stopping and all(check.held for check in checks), checks, stopping, accepted, noted)


def _share(name: str, part: int, whole: int, limit: float, fix: str) -> Check:
    share = part / whole if whole else 0.0
    return Check(name, share, limit, share <= limit, fix)
