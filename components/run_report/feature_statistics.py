"""Each feature's statistics in the newest span, and in the span before it where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.anomaly_gate.feature_view import STANDARD, distribution, view

BINS = 20
TOP_VALUES = 6
LONGEST_VALUE = 60
Dataset: TypeAlias = statistics_pb2.DatasetFeatureStatistics


def feature_statistics(
    newest: Dataset, previous: Dataset | None, kind_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """One entry per feature, in the order of the statistics. `kind_of`: a feature's kind in the feature table.

    Of a key no values are listed: which ones of an identifier's are most frequent says nothing of the data.
    """
    before = {_name(one): one for one in previous.features} if previous else {}
    rows_before = previous.num_examples if previous else 0
    found = []
    for feature in newest.features:
        name = _name(feature)
        other = before.get(name)
        entry: dict[str, Any] = {
            "name": name,
            "kind": kind_of(name),
            "newest": _figures(feature, newest.num_examples),
            "previous": _figures(other, rows_before) if other is not None else None,
        }
        if other is not None and not _numeric(feature) and not _numeric(other):
            _add_previous_shares(entry["newest"]["top"], feature, other)
        if entry["kind"] == "key":
            for side in (entry["newest"], entry["previous"] or {}):
                if "top" in side:
                    side["top"] = []
        sides = [one for one in (feature, other) if one is not None]
        entry["shape"] = _shape(sides) if all(_numeric(one) for one in sides) else None
        found.append(entry)
    return found


def _name(feature: Any) -> str:
    return feature.name or ".".join(feature.path.step)


def _numeric(feature: Any) -> bool:
    return bool(feature.WhichOneof("stats") == "num_stats")


def _figures(feature: Any, rows: int) -> dict[str, Any]:
    seen = view(feature, rows)
    figures: dict[str, Any] = {"rows": rows, "values": seen.values, "missing_share": _short(max(0.0, seen.missing))}
    if _numeric(feature):
        numbers = feature.num_stats
        figures |= {
            "mean": _short(numbers.mean), "std_dev": _short(numbers.std_dev), "min": _short(numbers.min),
            "median": _short(numbers.median), "max": _short(numbers.max),
        }  # fmt: skip
    else:
        total = sum(bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets)
        buckets = feature.string_stats.rank_histogram.buckets[:TOP_VALUES]
        figures["distinct"] = int(feature.string_stats.unique)
        figures["top"] = [
            {"value": _cut(bucket.label), "share": _short(bucket.sample_count / total)} for bucket in buckets
        ]
    return figures


def _add_previous_shares(top: list[dict[str, Any]], feature: Any, other: Any) -> None:
    """What the most frequent values were among the span before; 0 where a value is not listed there."""
    before = {bucket.label: bucket.sample_count for bucket in other.string_stats.rank_histogram.buckets}
    total = sum(before.values())
    for entry, bucket in zip(top, feature.string_stats.rank_histogram.buckets, strict=False):
        entry["previous_share"] = _short(before.get(bucket.label, 0) / total) if total else 0.0


def _shape(features: list[Any]) -> dict[str, Any] | None:
    """Share of the values in bins of equal width that both spans have in common."""
    histograms = [
        next((h for h in one.num_stats.histograms if h.type == STANDARD and h.buckets), None) for one in features
    ]
    if histograms[0] is None:
        return None
    ends = [end for h in histograms if h for end in (h.buckets[0].low_value, h.buckets[-1].high_value)]
    low, high = min(ends), max(ends)
    if not np.isfinite([low, high]).all() or low >= high:
        return None
    edges = np.linspace(low, high, BINS + 1)
    shares: list[list[float | None] | None] = []
    for one in histograms:
        if one is None:
            shares.append(None)
            continue
        below = distribution(one, [float(edge) for edge in edges])[0]
        below[-1] = 1.0
        shares.append([_short(float(share)) for share in np.diff(below)])
    return {
        "low": _short(low),
        "high": _short(high),
        "newest": shares[0],
        "previous": shares[1] if shares[1:] else None,
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
