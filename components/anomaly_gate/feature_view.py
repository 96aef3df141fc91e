"""What the gate reads out of one feature's TFDV statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0 import statistics_pb2

STANDARD, QUANTILES = statistics_pb2.Histogram.STANDARD, statistics_pb2.Histogram.QUANTILES


class FeatureView(NamedTuple):
    """Counts are of rows, since a cell has at most one value."""

    values: int
    missing: float
    """Share of the rows without a value."""
    shares: dict[str, float]
    """Of each listed string among the listed. TFDV lists the 1,000 most frequent; of more, counts are estimates."""
    distinct: int
    """Different strings, of many an estimate."""
    histograms: dict[int, statistics_pb2.Histogram]
    """Of a number, by type."""
    mean: float
    """Of a number: over impressions, where the rows stand for several."""
    impressions: float
    """With a value: as many as rows, unless these stand for several."""


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
        feature.string_stats.unique,
        {histogram.type: histogram for histogram in feature.num_stats.histograms if histogram.buckets},
        _mean(feature.num_stats),
        common.weighted_common_stats.num_non_missing if common.HasField("weighted_common_stats") else values,
    )


def _mean(numbers: statistics_pb2.NumericStatistics) -> float:
    weighted = numbers.HasField("weighted_numeric_stats")
    return float(numbers.weighted_numeric_stats.mean if weighted else numbers.mean)


def views(dataset: statistics_pb2.DatasetFeatureStatistics) -> dict[str, FeatureView]:
    """By feature name."""
    return {
        feature.name or ".".join(feature.path.step): view(feature, dataset.num_examples) for feature in dataset.features
    }


def edges(*histograms: statistics_pb2.Histogram) -> list[float]:
    """All bucket edges of histograms together, ascending."""
    return sorted({end for one in histograms for b in one.buckets for end in (b.low_value, b.high_value)})


def distribution(histogram: statistics_pb2.Histogram, values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Share of the rows below each value, then at or below each: two rows.

    Rows of a bucket lie evenly within it; a bucket that begins and ends at one value is a step there.
    """
    counts = np.array([bucket.sample_count for bucket in histogram.buckets])
    at = np.array([histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)])
    share = np.concatenate([[0.0], counts.cumsum() / counts.sum()])
    rows = []
    for side in ("left", "right"):
        after = np.searchsorted(at, values, side)
        low, high = (after - 1).clip(0), after.clip(max=len(at) - 1)
        with np.errstate(invalid="ignore"):  # between infinite edges nothing is known: NaN
            width = np.where(at[high] > at[low], at[high] - at[low], 1.0)
            inside = share[low] + (share[high] - share[low]) * (np.asarray(values) - at[low]) / width
        rows.append(np.where(after == 0, 0.0, np.where(after == len(at), 1.0, inside)))
    return np.array(rows)
