"""One pass over the training rows' Arrow columns for what preprocessing needs to know of them.

The results are those of TFT's analyzers (tensorflow_transform/analyzers.py), which count every value in Python on Beam.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tfx_bsl import sketches

from configs.features import Bucketized, Categorical, FeatureTable, Numeric
from trainer.analysis import GRID_BUCKETS, GRID_ERROR, QUANTILE_ERROR, Known, seen_name, vocabulary_name
from trainer.preprocessing import scaled

EMPTY_VOCABULARY = "49d0cd50-04bb-48c0-bc6f-5b575dce351a"  # TFT's stand-in: a lookup table cannot be empty
_MAX_VALUES = 1 << 32
_NO_LINE = r"^$|[\n\r]"  # a vocabulary file has one value a line


class Moments:
    """Count, mean and summed squared deviation, merged batch by batch (Chan et al. 1979, equations 2.1)."""

    def __init__(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """values: [present]"""
        if not len(values):
            return
        wide = values.astype(np.float64)
        mean = float(wide.mean())
        total = self.count + len(wide)
        shift = mean - self.mean
        self._squares += float(((wide - mean) ** 2).sum()) + shift * shift * self.count * len(wide) / total
        self.mean += shift * len(wide) / total
        self.count = total

    @property
    def variance(self) -> float:
        """Of the population, as TFT's; 0 without values."""
        return self._squares / self.count if self.count else 0.0


def analyse(batches: Iterable[pa.RecordBatch], table: FeatureTable, vocabulary_folder: Path) -> Known:
    """What the batches say of each feature; writes vocabulary files. Features that no batch has count as empty."""
    moments = {feature.name: (feature, Moments()) for feature in table.of_kind(Numeric)}
    grids = {feature.name: sketches.QuantilesSketch(GRID_ERROR, _MAX_VALUES, 1) for feature in table.of_kind(Numeric)}
    sketched = {
        feature.name: sketches.QuantilesSketch(QUANTILE_ERROR, _MAX_VALUES, 1) for feature in table.of_kind(Bucketized)
    }
    counted: dict[str, list[pa.StructArray]] = {feature.name: [] for feature in table.of_kind(Categorical)}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = column.flatten()
            if name in moments:
                feature, so_far = moments[name]
                numbers = scaled(feature, tf.constant(np.asarray(values))).numpy()
                so_far.add(numbers)
                if len(numbers):
                    grids[name].AddValues(pa.array(numbers))
            elif name in sketched and len(values):
                sketched[name].AddValues(values)
            elif name in counted:
                counted[name].append(pc.value_counts(values))
    values = {feature.name: _by_count(counted[feature.name]) for feature in table.of_kind(Categorical)}

    def written(feature: Categorical, name: str, min_count: int) -> str:
        return _write_vocabulary(values[feature.name], feature.vocabulary_size, min_count, vocabulary_folder / name)

    return Known(
        {name: (so_far.mean, so_far.variance) for name, (_, so_far) in moments.items()},
        {name: _boundaries(sketch, GRID_BUCKETS) for name, sketch in grids.items()},
        {feature.name: _boundaries(sketched[feature.name], feature.buckets) for feature in table.of_kind(Bucketized)},
        {one.name: written(one, vocabulary_name(one.name), one.min_count) for one in table.of_kind(Categorical)},
        {one.name: written(one, seen_name(one.name), 1) for one in table.of_kind(Categorical)},
    )


def _boundaries(sketch: sketches.QuantilesSketch, buckets: int) -> list[float]:
    """Inner boundaries; zeros without values, as TFT has it."""
    found = sketch.GetQuantiles(buckets).to_pylist()
    return [0.0] * (buckets - 1) if not found else list(found[0][1:-1])


def _by_count(counted: list[pa.StructArray]) -> pa.Table:
    """Values that a line can hold, the most frequent first, equally frequent ones in falling byte order."""
    values = pa.concat_arrays([part.field("values") for part in counted] or [pa.array([], pa.binary())])
    counts = pa.concat_arrays([part.field("counts") for part in counted] or [pa.array([], pa.int64())])
    total = pa.table({"value": values, "count": counts}).group_by("value").aggregate([("count", "sum")])
    total = total.filter(pc.invert(pc.match_substring_regex(total["value"], _NO_LINE)))
    return total.sort_by([("count_sum", "descending"), ("value", "descending")])


def _write_vocabulary(by_count: pa.Table, most: int, min_count: int, file: Path) -> str:
    """The first `most` values that are frequent enough."""
    frequent = by_count.filter(pc.greater_equal(by_count["count_sum"], min_count))
    kept = frequent["value"][:most].to_pylist() or [EMPTY_VOCABULARY.encode()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(value + b"\n" for value in kept))
    return str(file)
