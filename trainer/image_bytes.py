"""Parts and numbers of an encoded image, read in the graph; what lies behind its end reads as nothing or zero."""

from __future__ import annotations

import tensorflow as tf

MAX_STEPS = 4096
"""Steps of a walk over a file's blocks: a file of 20 MB may have ten million of them, and a step takes 10 µs."""


def part(encoded: tf.Tensor, position: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Bytes from `position`, fewer or none where the file ends. String scalar."""
    return tf.strings.substr(encoded, tf.minimum(position, tf.strings.length(encoded)), count)


def byte_values(encoded: tf.Tensor, position: tf.Tensor | int, count: int) -> tf.Tensor:
    """int32 [count], with zeros where the file ends."""
    return tf.cast(tf.io.decode_raw(part(encoded, position, count), tf.uint8, fixed_length=count), tf.int32)


def words(
    encoded: tf.Tensor, position: tf.Tensor | int, count: int, dtype: tf.DType, big_endian: bool = True
) -> tf.Tensor:
    """Numbers of two or four bytes, int32 [count], with zeros where the file ends."""
    size = count * dtype.size
    taken = part(encoded, position, size)
    return tf.cast(tf.io.decode_raw(taken, dtype, little_endian=not big_endian, fixed_length=size), tf.int32)
