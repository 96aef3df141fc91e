"""Encodes Arrow rows as tf.Examples in C++ and writes them as gzipped TFRecord shards."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from tfx_bsl.coders import example_coder

from adclick.filesystem import join, open_binary
from components.example_gen.tfrecords import write_gzip_records


def write_shards(batch: pa.RecordBatch, folder_uri: str, name: str, shard_bytes: int) -> list[str]:
    """Writes shards of about `shard_bytes` of uncompressed Examples.

    Returns their URIs: at least one, even when empty.
    """
    encoded = example_coder.RecordBatchToExamplesEncoder().encode(batch) if batch.num_rows else []
    uris: list[str] = []
    for shard in _shards(encoded, shard_bytes):
        uris.append(join(folder_uri, f"{name}-{len(uris):05d}.gz"))
        with open_binary(uris[-1], mode="wb") as stream:
            write_gzip_records(stream, shard)
    return uris


def _shards(encoded: list[bytes], shard_bytes: int) -> Iterator[list[bytes]]:
    """Each but the last reaches `shard_bytes` with its last record."""
    start, size = 0, 0
    for position, record in enumerate(encoded):
        if size >= shard_bytes:
            yield encoded[start:position]
            start, size = position, 0
        size += len(record)
    yield encoded[start:]
