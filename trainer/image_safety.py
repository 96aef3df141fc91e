"""Which encoded images the served model decodes: what their headers announce must not cost more than a request may.

Only headers are read. The limits hold for images in requests; those of a run have limits of their own in
components/creative_gen/image_checks.py.
"""

from __future__ import annotations

import tensorflow as tf

from trainer.gif_decoding import first_frame
from trainer.image_bytes import part, words

MAX_IMAGE_BYTES = 20_000_000
MAX_IMAGE_PIXELS = 25_000_000
"""A decoded picture has three bytes a pixel, four where it has alpha."""
MAX_JPEG_SCANS = 32
"""A progressive JPEG may go over its picture thousands of times, in ten bytes each; encoders do so about ten times."""

_SCAN = b"\xff\xda"  # start of scan, ITU-T T.81, table B.1


def decodable(encoded: tf.Tensor) -> tf.Tensor:
    """Whether the image, string scalar, is of a kind that decodes and within the limits. Boolean.

    Raises InvalidArgumentError for a JPEG that is broken before its sizes.
    """
    start = part(encoded, 0, 2)
    kinds = tf.stack([start == b"\x89P", start == b"GI", start == b"BM", start == b"\xff\xd8", tf.constant(True)])
    sized = tf.switch_case(
        tf.argmax(kinds, output_type=tf.int32),
        [
            lambda: _few(words(encoded, 16, 2, tf.int32)),
            lambda: _gif_is_small(encoded),
            lambda: _few(words(encoded, 18, 2, tf.int32, big_endian=False)),
            lambda: _jpeg_is_small(encoded),
            lambda: tf.constant(False),  # the decoders would only write a line into the server's log
        ],
    )
    return sized & (tf.strings.length(encoded) <= MAX_IMAGE_BYTES)


def _few(sides: tf.Tensor) -> tf.Tensor:
    """sides: int32 [2]; a BMP from top to bottom has a negative height."""
    return tf.reduce_prod(tf.abs(tf.cast(sides, tf.int64))) <= MAX_IMAGE_PIXELS


def _gif_is_small(encoded: tf.Tensor) -> tf.Tensor:
    frame = first_frame(encoded)
    # The picture reaches as far as its canvas and its frame do.
    return _few(frame.extent) & _few(tf.maximum(frame.canvas, frame.corner + frame.extent))


def _jpeg_is_small(encoded: tf.Tensor) -> tf.Tensor:
    sides = tf.image.extract_jpeg_shape(encoded)[:2]
    pieces = tf.strings.split(tf.reshape(encoded, [1]), _SCAN, maxsplit=MAX_JPEG_SCANS + 1).flat_values
    scans = tf.size(pieces) - 1
    return _few(sides) & (scans <= MAX_JPEG_SCANS)
