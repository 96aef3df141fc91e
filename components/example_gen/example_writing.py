"""Encodes Arrow rows as tf.Examples in C++ and writes them as gzipped TFRecord shards."""

from __future__ import annotations

import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder

from adclick.filesystem import join

GZIP_LEVEL = 1  # level 6 takes three times as long for files a tenth smaller


def write_shards(batch: pa.RecordBatch, folder_uri: str, name: str, shard_bytes: int) -> list[str]:
    """Writes shards of about `shard_bytes` of uncompressed Examples.

    Returns their URIs: at least one, even when empty.
    """
    encoded = example_coder.RecordBatchToExamplesEncoder().encode(batch) if batch.num_rows else []
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=GZIP_LEVEL)
    uris: list[str] = []
    position = 0
    while position < len(encoded) or not uris:
        uri = join(folder_uri, f"{name}-{len(uris):05d}.gz")
        size = 0
        with tf.io.TFRecordWriter(uri, options) as writer:
            while position < len(encoded) and size < shard_bytes:
                writer.write(encoded[position])
                size += len(encoded[position])
                position += 1
        uris.append(uri)
    return uris
