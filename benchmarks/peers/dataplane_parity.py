"""Whether both ways of the data plane's benchmark left the same statistics and the same transformed values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "eval")
RELATIVE, ABSOLUTE = 1e-5, 1e-6


def parity(folder: Path) -> dict[str, Any]:
    """Greatest differences found, split by split and column by column."""
    found: dict[str, Any] = {"statistics": {}, "transformed": {}}
    for split in SPLITS:
        found["statistics"][split] = _statistics(folder, split)
        found["transformed"][split] = _transformed(folder, split)
    return found


def _newest(folder: Path, component: str, output: str) -> Path:
    """The one artifact folder of a component's output."""
    (found,) = (folder / "pipeline_root" / component / output).iterdir()
    return found


def _statistics(folder: Path, split: str) -> dict[str, Any]:
    from tensorflow_metadata.proto.v0 import statistics_pb2

    def features(way: str) -> dict[str, Any]:
        file = _newest(folder / way, "StatisticsGen", "statistics") / f"Split-{split}" / "FeatureStats.pb"
        message = statistics_pb2.DatasetFeatureStatisticsList()
        message.ParseFromString(file.read_bytes())
        return {feature.path.step[0]: feature for feature in message.datasets[0].features}

    stock, ours = features("stock"), features("adclick")
    if stock.keys() != ours.keys():
        raise SystemExit(f"statistics of {split}: other features: {sorted(stock.keys() ^ ours.keys())}")
    exact, sketched = 0.0, 0.0
    for name, feature in stock.items():
        kind = feature.WhichOneof("stats")
        want, got = getattr(feature, kind), getattr(ours[name], kind)
        # CsvExampleGen writes an empty cell as a list without values, adclick as no feature: values can be compared,
        # missing features cannot.
        pairs = [(want.common_stats.tot_num_values, got.common_stats.tot_num_values)]
        if kind == "num_stats":
            pairs += [(getattr(want, key), getattr(got, key)) for key in ("mean", "std_dev", "num_zeros", "min", "max")]
            sketched = max(sketched, _difference(want.median, got.median))
        else:
            pairs += [(want.avg_length, got.avg_length)]
            if want.unique <= 1_024:  # what TFDV's sketch holds exactly
                pairs += [(want.unique, got.unique), (_ranks(want), _ranks(got))]
            else:
                sketched = max(sketched, _difference(want.unique, got.unique))
        exact = max(exact, *(_difference(a, b) for a, b in pairs))
    return {"features": len(stock), "greatest_difference": exact, "greatest_difference_of_sketches": sketched}


def _ranks(statistics: Any) -> npt.NDArray[np.float64]:
    counts = {bucket.label: bucket.sample_count for bucket in statistics.rank_histogram.buckets}
    return np.array([counts[label] for label in sorted(counts)])


def _difference(want: Any, got: Any) -> float:
    """Relative where the wanted value is over 1. Infinite for another number of values."""
    a, b = np.asarray(want, np.float64), np.asarray(got, np.float64)
    return (
        float("inf") if a.shape != b.shape else float(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1.0), initial=0.0))
    )


def _transformed(folder: Path, split: str) -> dict[str, Any]:
    """Rows of both in the order of all their columns, since Beam keeps none."""
    columns = {way: _read(folder / way, split) for way in ("stock", "adclick")}
    names = sorted(columns["stock"])
    if names != sorted(columns["adclick"]):
        raise SystemExit(f"transformed {split}: other columns: {set(names) ^ set(columns['adclick'])}")
    ordered = {}
    for way, table in columns.items():
        order = np.lexsort(
            [np.round(table[name], 3) if table[name].dtype == np.float32 else table[name] for name in names]
        )
        ordered[way] = {name: table[name][order] for name in names}
    unequal, greatest = 0, 0.0
    for name in names:
        want, got = ordered["stock"][name], ordered["adclick"][name]
        if want.shape != got.shape:
            raise SystemExit(f"transformed {split}: {len(want)} rows against {len(got)}")
        if want.dtype == np.float32:
            greatest = max(greatest, float(np.max(np.abs(want - got), initial=0.0)))
            unequal += int(np.sum(~np.isclose(got, want, rtol=RELATIVE, atol=ABSOLUTE)))
        else:
            unequal += int(np.sum(want != got))
    return {
        "rows": len(next(iter(ordered["stock"].values()))),
        "columns": len(names),
        "values_that_differ": unequal,
        "greatest_difference": greatest,
    }


def _read(way: Path, split: str) -> dict[str, npt.NDArray[Any]]:
    import tensorflow as tf
    import tensorflow_transform as tft

    spec = tft.TFTransformOutput(str(_newest(way, "Transform", "transform_graph"))).transformed_feature_spec()
    folder = _newest(way, "Transform", "transformed_examples") / f"Split-{split}"
    files = sorted(str(file) for file in folder.iterdir())
    batches = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(8192)
    parts = [tf.io.parse_example(batch, spec) for batch in batches]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in spec}
