"""Six impressions whose statistics can be worked out by hand, through TensorFlow Transform itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import metadata_io
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from configs.features import STRING_KINDS, FeatureTable, Timestamp
from pipeline.table_schema import table_schema
from trainer.preprocessing import preprocessing_fn

TABLE = FeatureTable.model_validate(
    [
        {"name": "click", "kind": "label"},
        {"name": "importance", "kind": "weight"},
        {"name": "user", "kind": "key"},
        {"name": "bid", "kind": "numeric"},
        {"name": "price", "kind": "numeric", "transform": "log"},
        {"name": "site_rate", "kind": "numeric", "transform": "logit"},
        {"name": "floor", "kind": "numeric", "default": 3.0},
        {"name": "never", "kind": "numeric"},
        {"name": "same", "kind": "numeric"},
        {"name": "age", "kind": "bucketized", "buckets": 2, "embedding_dim": 2},
        {"name": "tenure", "kind": "bucketized", "buckets": 2, "default": 45.0, "embedding_dim": 2},
        {"name": "never_cut", "kind": "bucketized", "embedding_dim": 2},
        {"name": "region", "kind": "categorical", "min_count": 2, "embedding_dim": 2},
        {"name": "campaign", "kind": "categorical", "min_count": 3, "embedding_dim": 2},
        {"name": "page", "kind": "hashed", "buckets": 50, "embedding_dim": 2},
        {"name": "topics", "kind": "text", "buckets": 1000, "separator": "|", "embedding_dim": 2},
        {"name": "shown_at", "kind": "timestamp"},
        {"name": "creative", "kind": "image", "embedding_dim": 3},
    ]
)
HOUR_S, DAY_S = 3_600, 86_400
COLUMNS: dict[str, list[Any]] = {  # None: an empty cell
    "click": [1, 0, 0, 1, 0, 0],
    "importance": [2.0, None, 0.5, 1.0, 1.0, 1.0],
    "user": ["u1", "u2", "u3", "u4", "u5", "u6"],
    "bid": [1.0, 3.0, None, 5.0, 3.0, 3.0],
    "price": [0.0, math.e - 1, 0.0, math.e - 1, 0.0, math.e - 1],
    "site_rate": [0.5, 0.99, 0.01, 0.5, 0.5, 0.5],
    "floor": [0.0, 4.0, None, 0.0, None, 4.0],
    "never": [None] * 6,
    "same": [4.0] * 6,
    "age": [10.0, 20.0, 30.0, 40.0, None, None],
    "tenure": [10.0, 20.0, 30.0, 40.0, None, None],
    "never_cut": [None] * 6,
    "region": ["north", "south", "south", "east", "north", "south"],
    "campaign": ["a", "b", "c", "d", "e", None],
    "page": ["home", "news", "home", None, "mail", "home"],
    "topics": ["cars|boats", "cars", None, "||", "boats||cars", "tea"],
    "shown_at": [0, 6 * HOUR_S, 4 * DAY_S, None, 12 * HOUR_S, 18 * HOUR_S],
    "creative": ["b.png", "a.png", "lost.png", "a.png", None, "b.png"],
}


class Sample(NamedTuple):
    """Folders of one Transform run."""

    transform: Path
    examples: Path
    """Two gzip TFRecord files, three rows each, in the order of COLUMNS."""

    @property
    def output(self) -> tft.TFTransformOutput:
        """The transform graph."""
        return tft.TFTransformOutput(str(self.transform))


def analyse(folder: Path) -> Sample:
    """Runs AnalyzeAndTransformDataset in this process and writes what the Transform component writes."""
    rows = [
        {name: [] if values[row] is None else [values[row]] for name, values in COLUMNS.items()} for row in range(6)
    ]
    metadata = DatasetMetadata(table_schema(TABLE, 0.0))
    config = {"features": TABLE.model_dump_json()}
    with tft_beam.Context(temp_dir=str(folder / "temp")):
        (transformed, transformed_metadata), transform = (
            rows,
            metadata,
        ) | tft_beam.AnalyzeAndTransformDataset(lambda inputs: preprocessing_fn(inputs, config))
        _ = transform | tft_beam.WriteTransformFn(str(folder / "graph"))
    metadata_io.write_metadata(metadata, str(folder / "graph" / tft.TFTransformOutput.RAW_METADATA_DIR))
    encode = tft.coders.ExampleProtoCoder(transformed_metadata.schema).encode
    (folder / "examples").mkdir()
    for number, some in enumerate((transformed[:3], transformed[3:])):
        file = str(folder / "examples" / f"part-{number}.gz")
        with tf.io.TFRecordWriter(file, "GZIP") as writer:
            for row in some:
                writer.write(encode(row))
    return Sample(folder / "graph", folder / "examples")


def raw(**columns: list[Any]) -> dict[str, tf.SparseTensor]:
    """Sparse columns as the transform graph takes them, [rows, 1]; None and columns left out are missing values."""
    rows = len(next(iter(columns.values())))
    tensors = {}
    for feature in TABLE.model_inputs:
        values = columns.get(feature.name, [None] * rows)
        dtype = tf.string if isinstance(feature, STRING_KINDS) else tf.float32
        present = [row for row, value in enumerate(values) if value is not None]
        tensors[feature.name] = tf.SparseTensor(
            tf.constant([[row, 0] for row in present], tf.int64, (len(present), 2)),
            tf.constant([values[row] for row in present], tf.int64 if isinstance(feature, Timestamp) else dtype),
            [rows, 1],
        )
    return tensors


def examples(columns: dict[str, list[Any]]) -> tf.Tensor:
    """Serialized tf.Examples; a feature without a value is left out altogether."""
    serialized = []
    for row in range(len(next(iter(columns.values())))):
        example = tf.train.Example()
        for name, values in columns.items():
            value = values[row]
            if isinstance(value, float):
                example.features.feature[name].float_list.value.append(value)
            elif isinstance(value, int):
                example.features.feature[name].int64_list.value.append(value)
            elif value is not None:
                encoded = value if isinstance(value, bytes) else value.encode()
                example.features.feature[name].bytes_list.value.append(encoded)
        serialized.append(example.SerializeToString())
    return tf.constant(serialized)
