"""Encoded image to RGB pixels and the turn they need, with TensorFlow's operations alone: serving has no others.

TensorFlow's decoders drop alpha, paint transparent GIF pixels black, take a BMP's palette indices for greys and know no
Exif. What they leave out is read here from the file's own structure. The rules are listed in docs/data.md.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import tensorflow as tf

from trainer.gif_decoding import BACKGROUND, decode_gif
from trainer.image_bytes import MAX_STEPS, byte_values, part, words

_GREY, _ALPHA_BIT = 0, 4  # colour types, PNG specification 11.2.1
_UNCOMPRESSED, _MASKED = 0, 3  # compression of a BMP, BITMAPINFOHEADER
_BGR_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)  # of red, green and blue
_APP0, _APP1, _APP15, _COMMENT = 0xFFE0, 0xFFE1, 0xFFEF, 0xFFFE  # markers, ITU-T T.81, table B.1
_ORIENTATION, _SHORT = 0x0112, 3  # tag and type, Exif 2.32, 4.6.2 and 4.6.4
_MAX_ENTRIES = 256  # of the directory that are looked at


# Traced once for all signatures.
@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])  # type: ignore[untyped-decorator]  # TensorFlow has no types
def decode_image(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """encoded: string scalar. Returns uint8 [H, W, 3] and the Exif orientation, int32 from 1 (upright) to 8.

    Raises InvalidArgumentError for bytes that do not decode.
    """
    start = tf.strings.substr(encoded, 0, 2)
    upright = tf.constant(1)
    branches: list[Callable[[], tuple[tf.Tensor, tf.Tensor]]] = [
        lambda: (_png(encoded), upright),
        lambda: (decode_gif(encoded), upright),
        lambda: (_bmp(encoded), upright),
        lambda: (_opaque(encoded), _orientation(encoded)),  # a JPEG, or refused
    ]
    kinds = tf.stack([start == b"\x89P", start == b"GI", start == b"BM", tf.constant(True)])
    pixels, orientation = tf.switch_case(tf.argmax(kinds, output_type=tf.int32), branches)
    return tf.ensure_shape(pixels, [None, None, 3]), orientation


def turn(square: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """[side, side, channels], turned as it is meant to be seen (Exif 2.32, 4.6.4)."""

    def turned() -> tf.Tensor:
        image = tf.where(orientation >= 5, tf.transpose(square, [1, 0, 2]), square)
        image = tf.where(tf.reduce_any(orientation == [2, 3, 6, 7]), tf.reverse(image, [1]), image)
        return tf.where(tf.reduce_any(orientation == [3, 4, 7, 8]), tf.reverse(image, [0]), image)

    return tf.cond(orientation > 1, turned, lambda: square)


def _opaque(encoded: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_image(encoded, channels=3, expand_animations=False)


def _on_background(pixels: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """pixels: uint8 [H, W, 3], alpha: uint8 [H, W, 1]. Returns uint8 [H, W, 3]."""

    def blended() -> tf.Tensor:
        share = tf.cast(alpha, tf.float32) / 255.0
        return tf.cast(tf.round(BACKGROUND + (tf.cast(pixels, tf.float32) - BACKGROUND) * share), tf.uint8)

    return tf.cond(tf.reduce_all(alpha == 255), lambda: pixels, blended)


def _png(encoded: tf.Tensor) -> tf.Tensor:
    depth, colour_type = tf.unstack(byte_values(encoded, 24, 2))

    def searching(position: tf.Tensor) -> tf.Tensor:
        name = part(encoded, position + 4, 4)
        return (name != b"tRNS") & (name != b"IDAT") & (position < tf.strings.length(encoded))

    def next_chunk(position: tf.Tensor) -> list[tf.Tensor]:
        size = words(encoded, position, 1, tf.int32)[0]
        return [position + 12 + tf.clip_by_value(size, 0, 1 << 29)]

    chunk = tf.while_loop(searching, next_chunk, [tf.constant(33)], maximum_iterations=MAX_STEPS)[
        0
    ]  # the header is before 33
    keyed = part(encoded, chunk + 4, 4) == b"tRNS"

    def with_alpha() -> tf.Tensor:
        pixels = tf.io.decode_png(encoded, channels=4)
        return _on_background(pixels[..., :3], pixels[..., 3:])

    def without_key() -> tf.Tensor:
        """The decoder does not tell which pixels have the one grey that means transparent."""
        key = words(encoded, chunk + 8, 1, tf.uint16)[0]
        levels = tf.io.decode_png(encoded, channels=1, dtype=tf.uint16)  # [H, W, 1]; fewer bits are spread to 16
        key *= 65535 // (tf.bitwise.left_shift(1, tf.minimum(depth, 16)) - 1)
        return _on_background(_opaque(encoded), 255 * tf.cast(levels != tf.cast(key, tf.uint16), tf.uint8))

    transparent = keyed | (tf.bitwise.bitwise_and(colour_type, _ALPHA_BIT) != 0)
    which = tf.where(transparent, tf.where(keyed & (colour_type == _GREY), 2, 1), 0)
    return tf.switch_case(which, [lambda: _opaque(encoded), with_alpha, without_key])


def _bmp(encoded: tf.Tensor) -> tf.Tensor:
    header = words(encoded, 14, 1, tf.int32, big_endian=False)[0]
    bits_and_compression = part(encoded, 28, 6)
    plain = tf.reduce_any(bits_and_compression == [_bmp_fields(bits) for bits in (8, 24, 32)]) & (header >= 40)
    masked = (bits_and_compression == _bmp_fields(32, _MASKED)) & (part(encoded, 54, 12) == _BGR_MASKS)
    message = "Only BMPs that are uncompressed and have 8, 24 or 32 bits a pixel can be decoded."

    def with_palette() -> tf.Tensor:
        indices = tf.cast(tf.io.decode_bmp(encoded)[..., 0], tf.int32)  # [H, W]
        palette = tf.reshape(byte_values(encoded, 14 + header, 1024), [256, 4])  # blue, green, red, unused
        return tf.cast(tf.gather(palette[:, 2::-1], indices), tf.uint8)

    with tf.control_dependencies([tf.debugging.Assert(plain | masked, [message])]):
        return tf.cond(bits_and_compression == _bmp_fields(8), with_palette, lambda: _opaque(encoded))


def _bmp_fields(bits: int, compression: int = _UNCOMPRESSED) -> bytes:
    return struct.pack("<HI", bits, compression)


def _orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Of a JPEG, from its Exif segment; 1 where it has none or a broken one."""

    def is_exif(position: tf.Tensor, marker: tf.Tensor) -> tf.Tensor:
        return (marker == _APP1) & (part(encoded, position + 4, 6) == b"Exif\x00\x00")

    def before_exif(position: tf.Tensor, marker: tf.Tensor) -> tf.Tensor:
        """Application data and comments stand before the picture."""
        skipped = ((marker >= _APP0) & (marker <= _APP15)) | (marker == _COMMENT)
        return skipped & ~is_exif(position, marker)

    def next_segment(position: tf.Tensor, _: tf.Tensor) -> list[tf.Tensor]:
        position += 2 + words(encoded, position + 2, 1, tf.uint16)[0]
        return [position, words(encoded, position, 1, tf.uint16)[0]]

    state = [tf.constant(2), words(encoded, 2, 1, tf.uint16)[0]]
    segment, marker = tf.while_loop(before_exif, next_segment, state, maximum_iterations=MAX_STEPS)

    def recorded() -> tf.Tensor:
        start = segment + 10
        big = part(encoded, start, 2) == b"MM"

        def numbers(position: tf.Tensor, count: int, dtype: tf.DType) -> tf.Tensor:
            either = [words(encoded, position, count, dtype, big_endian=order) for order in (True, False)]
            return tf.where(big, *either)

        directory = start + tf.clip_by_value(numbers(start + 4, 1, tf.int32)[0], 0, 1 << 16)
        read = numbers(directory, 1 + 6 * _MAX_ENTRIES, tf.uint16)
        entries = tf.reshape(read[1:], [_MAX_ENTRIES, 6])  # tag, type, count (2), value (2)
        fitting = (entries[:, 0] == _ORIENTATION) & (entries[:, 1] == _SHORT) & (tf.range(_MAX_ENTRIES) < read[0])
        value = tf.reduce_max(tf.where(fitting, entries[:, 4], 1))
        return tf.where((value >= 1) & (value <= 8), value, 1)

    return tf.cond(is_exif(segment, marker), recorded, lambda: tf.constant(1))
