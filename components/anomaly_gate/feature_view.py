"""What the gate reads out of one feature's TFDV statistics."""

from __future__ import annotations

from typing import NamedTuple

from tensorflow_metadata.proto.v0 import statistics_pb2

STANDARD, QUANTILES = statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES


class FeatureView(NamedTuple):
    """Counts are of rows, since a cell has at most one value."""

    values: int
    missing: float
    """Share of the rows without a value."""
    shares: dict[str, float]
    """Of each listed string among the listed ones. TFDV lists the 1,000 most frequent."""
    coverage: float
    """Share of the values that the listed strings make up."""
    histograms: dict[int, statistics_pb2.Histogram]
    """Of a number, by type."""
    mean: float


def view(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> FeatureView:
    """Of a feature in statistics over that many rows, at least 1."""
    numeric = feature.WhichOneof("stats") == "num_stats"
    common = feature.num_stats.common_stats if numeric else feature.string_stats.common_stats
    values = int(common.num_non_missing)
    listed = {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}
    total = sum(listed.values())
    return FeatureView(
        values,
        1 - values / rows,
        {label: count / total for label, count in listed.items()} if total else {},
        total / values if total and values else 0.0,
        {histogram.type: histogram for histogram in feature.num_stats.histograms if histogram.buckets},
        feature.num_stats.mean,
    )


def views(dataset: statistics_pb2.DatasetFeatureStatistics) -> dict[str, FeatureView]:
    """By feature name."""
    return {
        feature.name or ".".join(feature.path.step): view(feature, dataset.num_examples) for feature in dataset.features
    }


def repeats(histogram: statistics_pb2.Histogram) -> bool:
    """Whether a quantile bucket begins and ends at one value, which is then more frequent than a bucket."""
    return any(bucket.low_value == bucket.high_value for bucket in histogram.buckets)


def edges(*histograms: statistics_pb2.Histogram) -> list[float]:
    """All bucket edges of histograms together, ascending."""
    return sorted({end for one in histograms for b in one.buckets for end in (b.low_value, b.high_value)})
