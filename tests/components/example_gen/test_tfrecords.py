"""Our TFRecord files against TensorFlow's own reader, which checks every length and checksum."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen import tfrecords
from components.example_gen.tfrecords import write_gzip_records


def records() -> list[bytes]:
    """An empty one, and 300 of up to 5,000 random bytes."""
    random = np.random.default_rng(3)
    return [b"", *(random.bytes(int(size)) for size in random.integers(1, 5_000, 300))]


@pytest.mark.parametrize("chunk_bytes", [1, 10_000, 1 << 20])
def test_tensorflow_reads_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    monkeypatch.setattr(tfrecords, "_CHUNK_BYTES", chunk_bytes)
    with (tmp_path / "x.gz").open("wb") as stream:
        write_gzip_records(stream, records())
    read = tf.data.TFRecordDataset(str(tmp_path / "x.gz"), compression_type="GZIP").as_numpy_iterator()
    assert list(read) == records()


def test_the_same_records_give_the_same_bytes() -> None:
    streams = io.BytesIO(), io.BytesIO()
    for stream in streams:
        write_gzip_records(stream, records())
    assert streams[0].getvalue() == streams[1].getvalue() != b""
