"""The section `anomalies`: what the data gate stops, accepts and compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from configs.anomaly_types import ANOMALY_TYPES
from configs.nearest import likeliest
from configs.section import Section

Severity = Literal["error", "warning", "ignore"]
Threshold = Annotated[float, Field(ge=0.0)]
STATISTICS_FORMATS = (".pb", ".pbtxt", ".tfrecord")


def _threshold(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    if value is False or value == "off":
        return "off"
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ValueError(f"got {value!r}: give a number from 0, or off")
    return float(value)


class Comparison(Section):
    """How far two sets of rows may lie apart. `None` leaves a measure out."""

    linf: Threshold | None = 0.2
    """L∞ distance of the value shares, of strings."""
    ks: Threshold | None = 0.25
    """Kolmogorov–Smirnov distance, of numbers: the largest change of the share of rows at or below a value."""
    js: Threshold | None = None
    """Jensen–Shannon divergence in bits, of numbers. Values that repeat and long tails make it large by chance."""
    missing: Threshold | None = 0.1
    """Change of the share of rows without a value."""
    by_feature: dict[str, Annotated[float | Literal["off"], BeforeValidator(_threshold)]] = Field(default_factory=dict)
    """In place of linf, ks or label_rate for one feature; `off` compares nothing of it."""


class Drift(Comparison):
    """The newest span against the one before."""

    label_rate: Threshold | None = 0.3
    """Change of the label's rate, as a share of the reference's rate."""


class AnomalyLimits(Section):
    """Which anomalies stop the run."""

    severity: dict[str, Severity] = Field(default_factory=dict)
    """By anomaly type, or `feature:TYPE`; others keep the severity that TensorFlow Data Validation gives."""
    accept: tuple[str, ...] = ()
    """Features, or `feature:TYPE` pairs, whose anomalies are recorded and do not stop the run."""
    require_reference: bool = False
    """Whether a run stops that has no earlier span to compare with."""
    drift: Drift = Drift()
    serving_statistics: str | None = None
    """Statistics of served requests to compare the training rows with."""
    skew: Comparison = Comparison()

    @field_validator("severity")
    @classmethod
    def _severity_types_known(cls, severity: dict[str, Severity]) -> dict[str, Severity]:
        for key in severity:
            _need_type(key.rpartition(":")[2], "anomalies.severity")
        return severity

    @field_validator("accept")
    @classmethod
    def _accepted_types_known(cls, accept: tuple[str, ...]) -> tuple[str, ...]:
        for entry in accept:
            feature, colon, kind = entry.partition(":")
            if not feature:
                raise ValueError(f"anomalies.accept: got {entry!r}: write it as feature or feature:TYPE")
            if colon:
                _need_type(kind, "anomalies.accept")
        return accept

    @field_validator("serving_statistics")
    @classmethod
    def _format_known(cls, uri: str | None) -> str | None:
        if uri is not None and not uri.endswith(STATISTICS_FORMATS):
            raise ValueError(
                f"anomalies.serving_statistics: got {uri!r}: give a DatasetFeatureStatisticsList as a file whose name "
                f"ends in {', '.join(STATISTICS_FORMATS)}"
            )
        return uri

    def named_features(self) -> Iterator[tuple[str, str]]:
        """Setting and feature, for each feature that is named."""
        for key in self.severity:
            if ":" in key:
                yield "anomalies.severity", key.rpartition(":")[0]
        for entry in self.accept:
            yield "anomalies.accept", entry.partition(":")[0]
        for section in ("drift", "skew"):
            for name in getattr(self, section).by_feature:
                yield f"anomalies.{section}.by_feature", name


def _need_type(kind: str, field: str) -> None:
    if kind not in ANOMALY_TYPES:
        hint = likeliest(kind, ANOMALY_TYPES) or "; the types are those of TensorFlow Data Validation, DRIFT and SKEW"
        raise ValueError(f"{field} names the anomaly type {kind!r}, which there is not{hint}")
