"""One number of a comparison beside its threshold, and the two sets of rows that it compares."""

from __future__ import annotations

from typing import NamedTuple

from tensorflow_metadata.proto.v0 import statistics_pb2

LINF, KS, JS, MISSING, LABEL_RATE, REFERENCE = (
    "L∞ distance of the value shares",
    "Kolmogorov–Smirnov distance",
    "Jensen–Shannon divergence",
    "change of the share of missing values",
    "change of the label's rate",
    "comparison",
)


class Side(NamedTuple):
    """One set of rows."""

    name: str
    statistics: statistics_pb2.DatasetFeatureStatistics
    uri: str

    def __str__(self) -> str:
        return f"{self.name} ({self.statistics.num_examples:,} rows)"


class Measured(NamedTuple):
    """One number beside its threshold."""

    feature: str
    measure: str
    formula: str
    value: float | None
    """None where there was nothing to compare; that never holds."""
    threshold: float
    sampling: float
    """What chance alone may add."""
    detail: str

    @property
    def held(self) -> bool:
        """Whether the value is within the threshold and what chance may add."""
        return self.value is not None and self.value <= self.threshold + self.sampling

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.measure}: {self.detail}"
        return (
            f"{self.measure}: {self.value:.3g} ({self.detail}), at most {self.threshold:g} "
            f"+ {self.sampling:.2g} for sampling"
        )


def nothing(feature: str, why: str) -> Measured:
    """A measurement that never holds."""
    return Measured(feature, REFERENCE, "", None, 0.0, 0.0, f"{why}, so there is nothing to compare")
