"""Small data with real TFDV statistics, as StatisticsGen leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from tensorflow_data_validation import StatsOptions
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.anomaly_gate.measured import Measured, Side
from components.anomaly_gate.measures import measure
from configs.anomalies import Drift
from configs.features import FeatureTable

TABLE = FeatureTable.model_validate(
    [
        {"name": "id", "kind": "key"},
        {"name": "device", "kind": "categorical"},
        {"name": "price", "kind": "numeric"},
        {"name": "title", "kind": "text"},
        {"name": "clicked", "kind": "label"},
    ]
)
Columns = Mapping[str, Iterable[Any]]


def statistics(columns: Columns) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Of columns with at most one value in a row; None is a missing one."""
    arrays = [pa.array([None if one is None else [one] for one in column]) for column in columns.values()]
    return stats_impl.generate_statistics_in_memory(pa.RecordBatch.from_arrays(arrays, list(columns)), StatsOptions())


def rows(
    count: int = 1_000,
    devices: Mapping[str, float] | None = None,
    prices: Sequence[float | None] | None = None,
    clicks: float = 0.1,
) -> dict[str, list[Any]]:
    """Exact shares of `devices` and `clicks`; prices 0, 0.1 … 9.9 in turn."""
    shares = devices or {"phone": 0.7, "tv": 0.3}
    device = [name for name, share in shares.items() for _ in range(round(share * count))]
    return {
        "id": [f"id{number}" for number in range(count)],
        "device": device,
        "price": list(prices) if prices is not None else [number % 100 / 10 for number in range(count)],
        "title": ["a film"] * count,
        "clicked": [int(number < clicks * count) for number in range(count)],
    }


def side(name: str, columns: Columns) -> Side:
    return Side(name, statistics(columns).datasets[0], f"/{name}.pb")


def one(new: dict[str, Any], old: dict[str, Any], feature: str, **limits: Any) -> Measured:
    """The feature's distribution, without its missing values."""
    found = measure(side("span 2", new), side("span 1", old), [TABLE[feature]], Drift(**{"missing": None, **limits}))
    assert len(found) == 1
    return found[0]


def write_span(folder: Path, span: int, found: statistics_pb2.DatasetFeatureStatisticsList) -> str:
    """A span's file below a SpanStatistics artifact's folder."""
    file = folder / f"span-{span}" / "FeatureStats.pb"
    file.parent.mkdir(parents=True)
    file.write_bytes(found.SerializeToString())
    return str(file)
