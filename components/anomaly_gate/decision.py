"""Decides whether a month's data may be trained on. Every limit is reported with its number, held or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.anomaly_gate.comparisons import EMPTY, UNCHECKED, Compared
from configs.anomalies import AnomalyLimits
from configs.anomaly_types import DRIFT, SKEW
from configs.settings import Creatives, RowLimits

ERROR = "ERROR"


class Anomaly(NamedTuple):
    """One anomaly: ExampleValidator's of a split, or a comparison that did not hold."""

    split: str
    """`train` or `eval`; of a comparison, the rows that were compared, such as `span 3`."""
    feature: str
    """Empty: of the data as a whole."""
    type: str
    severity: str
    description: str
    value: float | None = None
    threshold: float | None = None
    """With what sampling may add."""
    measure: str | None = None
    reference: str | None = None

    @property
    def names(self) -> set[str]:
        """What accepts it."""
        return {self.feature, f"{self.feature}:{self.type}"} if self.feature else set()

    def reason(self) -> str:
        """What is wrong and what to do."""
        if not self.feature:
            return f"{self.split} split: {self.type}: {self.description}; correct the data or the schema"
        accept = f"accept it with --accept {self.feature}:{self.type}"
        if self.reference is None:
            return (
                f"{self.split} split: feature {self.feature!r}: {self.type}: {self.description}; "
                f"correct the data or the schema, or {accept}"
            )
        return (
            f"{self.type.lower()} of feature {self.feature!r}: {self.description}; {self.split} against "
            f"{self.reference}; correct the data, or {accept}"
        )


class Check(NamedTuple):
    """One limit."""

    name: str
    value: float
    limit: float
    held: bool
    fix: str


class Decision(NamedTuple):
    """What the gate saw and decided."""

    checks: list[Check]
    stopping: list[Anomaly]
    accepted: list[Anomaly]
    noted: list[Anomaly]
    unused_accept: list[str]
    """Entries of anomalies.accept that met no anomaly."""
    blocked: list[str]
    """Reasons that no list accepts."""
    drift: Compared
    skew: Compared

    @property
    def passed(self) -> bool:
        """Whether the run may go on."""
        return not self.reasons()

    def reasons(self) -> list[str]:
        """One line for each thing that stops the run."""
        limits = [
            f"{check.name}: {check.value:.4g}, at most {check.limit:.4g}; {check.fix}"
            for check in self.checks
            if not check.held
        ]
        return limits + self.blocked + [one.reason() for one in self.stopping]

    def as_json(self) -> dict[str, Any]:
        """verdict.json."""
        return {
            "passed": self.passed,
            "reasons": self.reasons(),
            "checks": [check._asdict() for check in self.checks],
            "stopping": [one._asdict() for one in self.stopping],
            "accepted": [one._asdict() for one in self.accepted],
            "noted": [one._asdict() for one in self.noted],
            "unused_accept": self.unused_accept,
            "drift": self.drift.as_json(),
            "skew": self.skew.as_json(),
        }


def decide(
    rows: dict[str, Any],
    creatives: dict[str, Any],
    anomalies: Sequence[Anomaly],
    drift: Compared,
    skew: Compared,
    row_limits: RowLimits,
    creative_limits: Creatives,
    anomaly_limits: AnomalyLimits,
) -> Decision:
    """`rows`: {read, rejected: {reason: n}}; `creatives`: {distinct, unusable: {reason: n}}."""
    found = [*anomalies, *_exceeded(drift, DRIFT), *_exceeded(skew, SKEW)]
    judged = list(_with_severity(found, anomaly_limits.severity))
    accept = set(anomaly_limits.accept)
    errors = [one for one in judged if one.severity == ERROR]
    met = set().union(*(one.names for one in found))
    return Decision(
        checks=list(_checks(rows, creatives, row_limits, creative_limits)),
        stopping=[one for one in errors if not one.names & accept],
        accepted=[one for one in errors if one.names & accept],
        noted=[one for one in judged if one.severity != ERROR],
        unused_accept=[entry for entry in anomaly_limits.accept if entry not in met],
        blocked=list(_blocked(drift, skew, anomaly_limits)),
        drift=drift,
        skew=skew,
    )


def _exceeded(compared: Compared, kind: str) -> Iterator[Anomaly]:
    for one in compared.measured:
        if not one.held:
            bound = None if one.value is None else one.threshold + one.sampling
            split, measure = compared.new, one.measure
            yield Anomaly(split, one.feature, kind, ERROR, str(one), one.value, bound, measure, compared.reference)


def _with_severity(anomalies: Iterable[Anomaly], severity: Mapping[str, str]) -> Iterator[Anomaly]:
    for one in anomalies:
        wanted = severity.get(f"{one.feature}:{one.type}", severity.get(one.type, one.severity)).upper()
        if wanted != "IGNORE":
            yield one._replace(severity=wanted)


def _blocked(drift: Compared, skew: Compared, limits: AnomalyLimits) -> Iterator[str]:
    if drift.state == EMPTY:
        yield (
            f"drift: {drift.reason}; run that span again, or set anomalies.drift.linf, ks, js, missing and "
            "label_rate to null"
        )
    if drift.state == UNCHECKED and limits.require_reference:
        yield (f"drift: unchecked: {drift.reason}; give a span before it, or set anomalies.require_reference to false")
    if skew.state == EMPTY:
        yield f"skew: {skew.reason}; make the file anew, or set anomalies.serving_statistics to null"


def _checks(
    rows: dict[str, Any], creatives: dict[str, Any], row_limits: RowLimits, creative_limits: Creatives
) -> Iterator[Check]:
    read, rejected = rows["read"], rows["rejected"]
    look = "see rejects.csv of the run's report, correct the files or raise data.limits.max_rejected_share"
    yield _share("share of rejected rows", sum(rejected.values()), read, row_limits.max_rejected_share, look)
    for reason, limit in sorted(row_limits.max_rejected_share_by_reason.items()):
        yield _share(f"share of rows rejected as {reason}", rejected.get(reason, 0), read, limit, f"{look}_by_reason")
    yield _share(
        "share of unusable creatives",
        sum(creatives["unusable"].values()),
        creatives["distinct"],
        creative_limits.max_unusable_share,
        "see unusable.csv of the creative store, deliver the images or raise creatives.max_unusable_share",
    )


def _share(name: str, part: int, whole: int, limit: float, fix: str) -> Check:
    share = part / whole if whole else 0.0
    return Check(name, share, limit, share <= limit, fix)
