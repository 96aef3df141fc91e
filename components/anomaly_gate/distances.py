"""Distances between the distributions of one feature.

L∞ and Jensen–Shannon are TFDV's own numbers. Numbers are judged by Kolmogorov–Smirnov, from TFDV's quantiles, unless
the settings ask for more: TFDV's Jensen–Shannon takes a bucket's rows as evenly spread, so that one outlier, a long
tail or values that repeat move it by as much as a change of unit.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import Histogram

from components.anomaly_gate.feature_view import QUANTILES, STANDARD, FeatureView, distribution, edges
from components.anomaly_gate.measured import JS, KS, LINF, Measured, Side, nothing
from components.anomaly_gate.sampling import distribution_allowance, divergence_allowance, share_allowance

SHOWN_CHARACTERS = 40


def share_distance(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    """L∞ of strings, with the value that changed most."""
    for side, found in ((reference, there), (new, here)):
        if not found.shares:
            return nothing(name, f"the statistics of {side.name} list no strings of it")
    value = _tfdv_number(name, new, reference, schema_pb2.FeatureComparator(infinity_norm={"threshold": 0.0}))
    labels = sorted(here.shares.keys() | there.shares.keys())
    largest = max(labels, key=lambda label: abs(here.shares.get(label, 0.0) - there.shares.get(label, 0.0)))
    shown = largest if len(largest) <= SHOWN_CHARACTERS else f"{largest[:SHOWN_CHARACTERS]}…"
    detail = (
        f"largest change: {shown!r}, {reference.name}: {there.shares.get(largest, 0.0):.3g}, "
        f"{new.name}: {here.shares.get(largest, 0.0):.3g}"
    )
    cut = max(here, there, key=lambda found: found.distinct - len(found.shares))
    if cut.distinct > len(cut.shares):
        detail += f"; among the {len(cut.shares):,} most frequent of about {cut.distinct:,} values, as TFDV counts them"
    allowance = max(
        share_allowance(here.shares.get(label, 0.0), here.values, there.shares.get(label, 0.0), there.values)
        for label in labels
    )
    return _checked(
        Measured(name, LINF, "max |share − reference's share| over all values", value, threshold, allowance, detail)
    )


def _histograms(here: FeatureView, there: FeatureView, new: Side, reference: Side) -> tuple[Histogram, Histogram] | str:
    """Of quantiles, or of equally wide buckets where one side has no other; what is missing where there are none."""
    for side, found in ((reference, there), (new, here)):
        if not found.histograms:
            return f"the statistics of {side.name} hold no histogram of it"
    both = here.histograms.keys() & there.histograms.keys()
    if not both:
        return f"the statistics of {new.name} and {reference.name} have histograms of different types"
    kind = QUANTILES if QUANTILES in both else STANDARD
    return here.histograms[kind], there.histograms[kind]


def distribution_distance(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    """Kolmogorov–Smirnov of numbers, with the value at which the distributions differ most."""
    both = _histograms(here, there, new, reference)
    if isinstance(both, str):
        return nothing(name, both)
    ours, theirs = both
    cuts = edges(ours, theirs)
    shares, others = distribution(ours, cuts), distribution(theirs, cuts)
    change = np.abs(shares - others)
    largest = np.unravel_index(change.argmax(), change.shape)
    detail = (
        f"largest at {('below', 'up to')[largest[0]]} {cuts[largest[1]]:.4g}, {reference.name}: {others[largest]:.3g}, "
        f"{new.name}: {shares[largest]:.3g} of the rows; range {_range(theirs)}, then {_range(ours)}"
    )
    formula = "max |share − reference's share| of the rows up to a value, over the edges of TFDV's quantile buckets"
    allowance = distribution_allowance(here.values, there.values)
    return _checked(Measured(name, KS, formula, float(change[largest]), threshold, allowance, detail))


def divergence(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    """Jensen–Shannon of numbers, in bits."""
    both = _histograms(here, there, new, reference)
    if isinstance(both, str):
        return nothing(name, both)
    ours, theirs = both
    source = schema_pb2.HistogramSelection.QUANTILES
    if ours.type != QUANTILES:
        source = schema_pb2.HistogramSelection.STANDARD
    comparator = schema_pb2.FeatureComparator(
        jensen_shannon_divergence={"threshold": 0.0, "source": {"type": source}},
    )
    return _checked(
        Measured(
            name,
            JS,
            "½ KL(p‖m) + ½ KL(q‖m) in bits, m = (p + q) / 2, over TFDV's quantile buckets cut at the edges of both",
            _tfdv_number(name, new, reference, comparator),
            threshold,
            divergence_allowance(len(edges(ours, theirs)) - 1, here.values, there.values),
            f"{reference.name}: mean {there.mean:.4g} in {_range(theirs)}, {new.name}: mean {here.mean:.4g} in "
            f"{_range(ours)}",
        )
    )


def _range(histogram: Histogram) -> str:
    return f"[{histogram.buckets[0].low_value:.4g}, {histogram.buckets[-1].high_value:.4g}]"


def _checked(measured: Measured) -> Measured:
    """No number comes of infinite values, nor where TFDV could not compare."""
    if measured.value is None or math.isnan(measured.value):
        return nothing(measured.feature, f"no {measured.measure} can be computed of it")
    return measured


def _tfdv_number(name: str, new: Side, reference: Side, comparator: schema_pb2.FeatureComparator) -> float | None:
    """TFDV's measurement of one feature. Its skew comparators compute the same."""
    ours = _only(new, name)
    kinds = {
        statistics_pb2.FeatureNameStatistics.INT: schema_pb2.INT,
        statistics_pb2.FeatureNameStatistics.FLOAT: schema_pb2.FLOAT,
    }
    schema = schema_pb2.Schema()
    # without a type TFDV compares nothing
    kind = kinds.get(ours.datasets[0].features[0].type, schema_pb2.BYTES)
    schema.feature.add(name=name, type=kind, drift_comparator=comparator)
    anomalies = tfdv.validate_statistics(ours, schema, previous_statistics=_only(reference, name))
    numbers = [one.value for info in anomalies.drift_skew_info for one in info.drift_measurements]
    return numbers[0] if numbers else None


def _only(side: Side, name: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    whole = side.statistics
    dataset = statistics_pb2.DatasetFeatureStatistics(num_examples=whole.num_examples)
    dataset.features.extend(one for one in whole.features if (one.name or ".".join(one.path.step)) == name)
    return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
