"""Gzipped TFRecord files without TensorFlow, whose import takes five CPU seconds in every worker.

Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterable
from typing import IO

import google_crc32c

GZIP_LEVEL = 1  # level 6 takes three times as long for files a tenth smaller
_GZIP_WINDOW_BITS = 31  # the largest window, and gzip's header and trailer
_CHUNK_BYTES = 1 << 20
_LENGTH = struct.Struct("<Q").pack
_CRC_MASK = 0xA282EAD8
_CHECKSUM = struct.Struct("<I").pack


def write_gzip_records(stream: IO[bytes], records: Iterable[bytes]) -> None:
    """Writes one gzip member; without records, one that holds nothing."""
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    pending: list[bytes] = []
    pending_bytes = 0
    checksum, pack = google_crc32c.value, _CHECKSUM
    for record in records:
        crc = checksum(record)  # as in _masked_crc; a call for each record costs a tenth more
        pending += (_head(len(record)), record, pack((((crc >> 15) | (crc << 17)) + _CRC_MASK) & 0xFFFFFFFF))
        pending_bytes += len(record)
        if pending_bytes >= _CHUNK_BYTES:
            stream.write(compressor.compress(b"".join(pending)))
            pending, pending_bytes = [], 0
    stream.write(compressor.compress(b"".join(pending)) + compressor.flush())


@functools.lru_cache(maxsize=1 << 12)
def _head(record_bytes: int) -> bytes:
    """Length and its checksum; a file's records have few lengths."""
    length = _LENGTH(record_bytes)
    return length + _masked_crc(length)


def _masked_crc(data: bytes) -> bytes:
    """CRC32C, rotated and shifted as the format wants it."""
    crc = google_crc32c.value(data)
    return _CHECKSUM((((crc >> 15) | (crc << 17)) + _CRC_MASK) & 0xFFFFFFFF)
