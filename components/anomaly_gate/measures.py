"""How far two sets of statistics lie apart, feature by feature, with how each number was computed.

L∞ and Jensen–Shannon are TFDV's own numbers. TFDV passes over a feature whose reference is empty; here that is a
measurement without a value, which never holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.anomaly_gate.feature_view import QUANTILES, STANDARD, FeatureView, edges, repeats, views
from components.anomaly_gate.sampling import divergence_allowance, share_allowance
from configs.anomalies import Comparison, Drift
from configs.features import FLOAT_KINDS, STRING_KINDS, AnyFeature, Categorical, Hashed, Label

LINF, JS, MISSING, LABEL_RATE, REFERENCE = (
    "L∞ distance of the value shares",
    "Jensen–Shannon divergence",
    "change of the share of missing values",
    "change of the label's rate",
    "comparison",
)
SHOWN_CHARACTERS = 40


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


def measure(new: Side, reference: Side, features: Sequence[AnyFeature], limits: Comparison) -> list[Measured]:
    """Each feature's distribution, label rate and presence, as far as `limits` asks for them."""
    ours, theirs = views(new.statistics), views(reference.statistics)
    found = []
    for feature in features:
        threshold = _threshold(feature, limits)
        if limits.by_feature.get(feature.name) == "off" or (threshold is None and limits.missing is None):
            continue
        here, there = ours.get(feature.name), theirs.get(feature.name)
        empty = _empty(reference.name, there) or _empty(new.name, here)
        if empty or here is None or there is None:
            found.append(_nothing(feature.name, empty))
            continue
        if threshold is not None:
            if isinstance(feature, Label):
                found.append(_label_rate(feature.name, here, there, threshold, new.name, reference.name))
            elif isinstance(feature, STRING_KINDS):
                found.append(_shares(feature.name, here, there, threshold, new, reference))
            else:
                found.append(_divergence(feature.name, here, there, threshold, new, reference))
        if limits.missing is not None:
            found.append(_missing(feature.name, here, there, limits.missing, new, reference))
    return found


def _threshold(feature: AnyFeature, limits: Comparison) -> float | None:
    """Of the feature's distribution. Identifiers, times, images and texts are new every month: only if asked for."""
    own = limits.by_feature.get(feature.name)
    if own is not None and own != "off":
        return float(own)
    if isinstance(feature, Label):
        return limits.label_rate if isinstance(limits, Drift) else None
    if isinstance(feature, Categorical | Hashed):
        return limits.linf
    return limits.js if isinstance(feature, FLOAT_KINDS) else None


def _empty(side: str, found: FeatureView | None) -> str:
    if found is None:
        return f"the statistics of {side} lack the feature"
    return "" if found.values else f"no row of {side} has a value of it"


def _nothing(feature: str, why: str) -> Measured:
    return Measured(feature, REFERENCE, "", None, 0.0, 0.0, f"{why}, so there is nothing to compare")


def _missing(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    rows, others = new.statistics.num_examples, reference.statistics.num_examples
    return Measured(
        name,
        MISSING,
        "|share − reference's share| of the rows without a value",
        abs(here.missing - there.missing),
        threshold,
        share_allowance(here.missing, rows, there.missing, others),
        f"{reference.name}: {there.missing:.3g}, {new.name}: {here.missing:.3g}",
    )


def _label_rate(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: str, reference: str
) -> Measured:
    if not there.mean:
        return _nothing(name, f"no row of {reference} has label 1")
    return Measured(
        name,
        LABEL_RATE,
        "|rate − reference's rate| / reference's rate",
        abs(here.mean - there.mean) / there.mean,
        threshold,
        share_allowance(here.mean, here.values, there.mean, there.values) / there.mean,
        f"{reference}: {there.mean:.4g}, {new}: {here.mean:.4g}",
    )


def _shares(name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side) -> Measured:
    for side, found in ((reference, there), (new, here)):
        if not found.shares:
            return _nothing(name, f"the statistics of {side.name} list no strings of it")
    value = _tfdv_number(name, new, reference, schema_pb2.FeatureComparator(infinity_norm={"threshold": 0.0}))
    labels = sorted(here.shares.keys() | there.shares.keys())
    largest = max(labels, key=lambda label: abs(here.shares.get(label, 0.0) - there.shares.get(label, 0.0)))
    shown = largest if len(largest) <= SHOWN_CHARACTERS else f"{largest[:SHOWN_CHARACTERS]}…"
    detail = (
        f"largest change: {shown!r}, {reference.name}: {there.shares.get(largest, 0.0):.3g}, "
        f"{new.name}: {here.shares.get(largest, 0.0):.3g}"
    )
    coverage = min(here.coverage, there.coverage)
    if coverage < 1:
        detail += f"; among the {len(here.shares):,} most frequent values, {coverage:.0%} of all"
    allowance = max(
        share_allowance(here.shares.get(label, 0.0), here.values, there.shares.get(label, 0.0), there.values)
        for label in labels
    )
    return _checked(
        Measured(name, LINF, "max |share − reference's share| over all values", value, threshold, allowance, detail)
    )


def _divergence(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    """Over quantile buckets, which one outlier barely moves, or equally wide ones where values repeat.

    Quantile buckets of values that repeat begin and end at the same value, and spread wrongly over the other side's.
    """
    for side, found in ((reference, there), (new, here)):
        if not found.histograms:
            return _nothing(name, f"the statistics of {side.name} hold no histogram of it")
    both = here.histograms.keys() & there.histograms.keys()
    quantiles = QUANTILES in both and not (repeats(here.histograms[QUANTILES]) or repeats(there.histograms[QUANTILES]))
    kind = QUANTILES if quantiles or STANDARD not in both else STANDARD
    if kind not in both:
        return _nothing(name, f"the statistics of {new.name} and {reference.name} have histograms of different types")
    source = schema_pb2.HistogramSelection.QUANTILES if kind == QUANTILES else schema_pb2.HistogramSelection.STANDARD
    value = _tfdv_number(
        name,
        new,
        reference,
        schema_pb2.FeatureComparator(jensen_shannon_divergence={"threshold": 0.0, "source": {"type": source}}),
    )
    ours, theirs = here.histograms[kind], there.histograms[kind]
    buckets = "equally full" if kind == QUANTILES else "equally wide"
    return _checked(
        Measured(
            name,
            JS,
            f"½ KL(p‖m) + ½ KL(q‖m) in bits, m = (p + q) / 2, over {buckets} buckets cut at the edges of both",
            value,
            threshold,
            divergence_allowance(len(edges(ours, theirs)) - 1, here.values, there.values),
            f"{reference.name}: mean {there.mean:.4g} in {_range(theirs)}, {new.name}: mean {here.mean:.4g} in "
            f"{_range(ours)}; {buckets} buckets",
        )
    )


def _range(histogram: statistics_pb2.Histogram) -> str:
    return f"[{histogram.buckets[0].low_value:.4g}, {histogram.buckets[-1].high_value:.4g}]"


def _checked(measured: Measured) -> Measured:
    """TFDV leaves a number out, or gives none, where it could not compare."""
    if measured.value is None or math.isnan(measured.value):
        return _nothing(measured.feature, "TensorFlow Data Validation gave no number for it")
    return measured


def _tfdv_number(name: str, new: Side, reference: Side, comparator: schema_pb2.FeatureComparator) -> float | None:
    """TFDV's measurement of one feature. Its skew comparators compute the same."""
    schema = schema_pb2.Schema()
    schema.feature.add(name=name, drift_comparator=comparator)
    anomalies = tfdv.validate_statistics(_only(new, name), schema, previous_statistics=_only(reference, name))
    numbers = [one.value for info in anomalies.drift_skew_info for one in info.drift_measurements]
    return numbers[0] if numbers else None


def _only(side: Side, name: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    whole = side.statistics
    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=whole.num_examples)
    dataset.features.extend(one for one in whole.features if (one.name or ".".join(one.path.step)) == name)
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
