"""Rows survive the way into tf.Examples and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from components.example_gen.example_writing import write_shards

SPEC = {
    "word": tf.io.VarLenFeature(tf.string),
    "number": tf.io.VarLenFeature(tf.float32),
    "clicked": tf.io.FixedLenFeature([], tf.int64),
}


def batch(rows: int) -> pa.RecordBatch:
    """Every third word and every second number is missing."""
    return pa.RecordBatch.from_pydict(
        {
            "word": pa.array(
                [None if i % 3 == 0 else [f"wörd {i}".encode()] for i in range(rows)], pa.list_(pa.binary())
            ),
            "number": pa.array([None if i % 2 else [i / 2] for i in range(rows)], pa.list_(pa.float32())),
            "clicked": pa.array([[i % 2] for i in range(rows)], pa.list_(pa.int64())),
        }
    )


def serialized(uris: list[str]) -> list[bytes]:
    return list(tf.data.TFRecordDataset(uris, compression_type="GZIP").as_numpy_iterator())


def test_values_come_back_and_missing_ones_are_absent(tmp_path: Path) -> None:
    uris = write_shards(batch(4), str(tmp_path), "data", shard_bytes=1 << 20)
    assert uris == [f"{tmp_path}/data-00000.gz"]
    examples = serialized(uris)
    parsed = tf.io.parse_example(examples, SPEC)
    assert parsed["word"].values.numpy().tolist() == ["wörd 1".encode(), "wörd 2".encode()]
    assert parsed["word"].indices.numpy()[:, 0].tolist() == [1, 2]
    assert parsed["number"].values.numpy().tolist() == [0.0, 1.0]
    assert parsed["number"].indices.numpy()[:, 0].tolist() == [0, 2]
    assert parsed["clicked"].numpy().tolist() == [0, 1, 0, 1]
    first = tf.train.Example.FromString(examples[0]).features.feature
    assert first["word"].WhichOneof("kind") is None


def test_shards_follow_each_other_and_keep_the_order(tmp_path: Path) -> None:
    rows = batch(100)
    one = serialized(write_shards(rows, str(tmp_path), "one", shard_bytes=1 << 20))
    uris = write_shards(rows, str(tmp_path), "many", shard_bytes=500)
    assert len(uris) > 5
    assert uris == [f"{tmp_path}/many-{number:05d}.gz" for number in range(len(uris))]
    # the encoder writes a map's entries in any order, so messages are compared instead of bytes
    assert list(map(tf.train.Example.FromString, serialized(uris))) == list(map(tf.train.Example.FromString, one))
    sizes = [sum(map(len, serialized([uri]))) for uri in uris]
    longest = max(map(len, one))
    assert all(500 <= size < 500 + longest for size in sizes[:-1])


def test_no_rows_still_make_one_readable_file(tmp_path: Path) -> None:
    uris = write_shards(batch(0), str(tmp_path), "data", shard_bytes=1 << 20)
    assert len(uris) == 1
    assert serialized(uris) == []


def test_floats_keep_their_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(size=1_000).astype(np.float32)
    rows = pa.RecordBatch.from_pydict({"x": pa.array([[value] for value in values], pa.list_(pa.float32()))})
    examples = serialized(write_shards(rows, str(tmp_path), "data", shard_bytes=1 << 20))
    parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})
    assert parsed["x"].numpy().tobytes() == values.tobytes()
