"""Encoded image to RGB pixels and the turn they need, with TensorFlow's operations alone: serving has no others.

TensorFlow's decoders drop alpha, paint transparent GIF pixels black, take a BMP's palette indices for greys and know no
Exif. What they leave out is read here from the file's own structure. The rules are listed in docs/data.md.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

BACKGROUND = 255
"""Transparent pixels lie on white."""

_GREY, _ALPHA_BIT = 0, 4  # colour types, PNG specification 11.2.1
_EXTENSION, _GRAPHIC_CONTROL = 0x21, 0xF9  # of a GIF, GIF89a specification, 23
_UNCOMPRESSED, _MASKED = 0, 3  # compression of a BMP, BITMAPINFOHEADER
_BGR_MASKS = b"\x00\x00\xff\x00\x00\xff\x00\x00\xff\x00\x00\x00"  # of red, green and blue
_ORIENTATION, _SHORT = 0x0112, 3  # tag and type, Exif 2.32, 4.6.2 and 4.6.4


def decode_image(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """encoded: string scalar. Returns uint8 [H, W, 3] and the Exif orientation, int32 from 1 (upright) to 8.

    Raises InvalidArgumentError for bytes that do not decode.
    """
    start = tf.strings.substr(encoded, 0, 2)
    kinds = tf.stack([start == b"\xff\xd8", start == b"\x89P", start == b"GI", start == b"BM", tf.constant(True)])
    upright = tf.constant(1)
    branches: list[Callable[[], tuple[tf.Tensor, tf.Tensor]]] = [
        lambda: (_opaque(encoded), _orientation(encoded)),
        lambda: (_png(encoded), upright),
        lambda: (_gif(encoded), upright),
        lambda: (_bmp(encoded), upright),
        lambda: (_opaque(encoded), upright),  # refuses what is none of the four
    ]
    pixels, orientation = tf.switch_case(tf.argmax(kinds, output_type=tf.int32), branches)
    return tf.ensure_shape(pixels, [None, None, 3]), orientation


def turn(square: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """[side, side, channels], turned as it is meant to be seen (Exif 2.32, 4.6.4)."""

    def turned() -> tf.Tensor:
        image = tf.cond(orientation >= 5, lambda: tf.transpose(square, [1, 0, 2]), lambda: square)
        mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
        image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
        upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
        return tf.cond(upside_down, lambda: tf.reverse(image, [0]), lambda: image)

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
    depth, colour_type = tf.unstack(_bytes(encoded, 24, 2))

    def searching(position: tf.Tensor) -> tf.Tensor:
        name = _part(encoded, position + 4, 4)
        return (name != b"tRNS") & (name != b"IDAT") & (position < tf.strings.length(encoded))

    def next_chunk(position: tf.Tensor) -> list[tf.Tensor]:
        return [position + 12 + tf.clip_by_value(_big_endian(_bytes(encoded, position, 4)), 0, 1 << 29)]

    chunk = tf.while_loop(searching, next_chunk, [tf.constant(33)])[0]  # the header is before 33
    keyed = _part(encoded, chunk + 4, 4) == b"tRNS"

    def with_alpha() -> tf.Tensor:
        pixels = tf.io.decode_png(encoded, channels=4)
        return _on_background(pixels[..., :3], pixels[..., 3:])

    def without_key() -> tf.Tensor:
        """The decoder does not tell which pixels have the one grey that means transparent."""
        key = _big_endian(_bytes(encoded, chunk + 8, 2))
        levels = tf.cond(
            depth == 16,
            lambda: tf.cast(tf.io.decode_png(encoded, channels=1, dtype=tf.uint16), tf.int32),
            lambda: tf.cast(tf.io.decode_png(encoded, channels=1), tf.int32),
        )  # [H, W, 1]; less than 8 bits are spread to 0 … 255
        key = tf.where(depth < 8, key * 255 // (tf.bitwise.left_shift(1, tf.minimum(depth, 8)) - 1), key)
        return _on_background(_opaque(encoded), tf.cast(tf.where(levels == key, 0, 255), tf.uint8))

    transparent = keyed | (tf.bitwise.bitwise_and(colour_type, _ALPHA_BIT) != 0)
    grey_key = keyed & (colour_type == _GREY)
    return tf.cond(
        transparent,
        lambda: tf.cond(grey_key, without_key, with_alpha),
        lambda: _opaque(encoded),
    )


def _gif(encoded: tf.Tensor) -> tf.Tensor:
    """First frame. The decoder leaves transparent and uncovered pixels black, even where all colours are made white."""
    size = tf.strings.length(encoded)
    first = 13 + _table_bytes(_bytes(encoded, 10, 1)[0])

    def before_the_frame(position: tf.Tensor, within: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (position < size) & (within | (_bytes(encoded, position, 1)[0] == _EXTENSION))

    def next_block(position: tf.Tensor, within: tf.Tensor, see_through: tf.Tensor) -> list[tf.Tensor]:
        start = _bytes(encoded, position, 4)
        control = ~within & (start[1] == _GRAPHIC_CONTROL) & (start[3] % 2 == 1)
        return [
            position + tf.where(within, start[0] + 1, 2),
            ~within | (start[0] > 0),
            see_through | control,
        ]

    state = [first, tf.constant(False), tf.constant(False)]
    frame, _, see_through = tf.while_loop(before_the_frame, next_block, state)
    local = _table_bytes(_bytes(encoded, frame + 9, 1)[0])
    table = tf.where(local > 0, frame + 10, 13)
    table_end = table + tf.where(local > 0, local, first - 13)
    covering = _part(encoded, frame + 1, 8) == tf.strings.join([b"\x00" * 4, _part(encoded, 6, 4)])

    def on_background() -> tf.Tensor:
        white = tf.strings.substr(tf.constant(b"\xff" * 768), 0, table_end - table)
        whitened = tf.strings.join([_part(encoded, 0, table), white, _part(encoded, table_end, size)])
        return tf.maximum(_opaque(encoded), BACKGROUND - _opaque(whitened))

    return tf.cond(see_through | ~covering, on_background, lambda: _opaque(encoded))


def _table_bytes(flags: tf.Tensor) -> tf.Tensor:
    """Size of the colour table that a GIF's packed flags announce; 0: none."""
    colours = tf.bitwise.left_shift(2, tf.bitwise.bitwise_and(flags, 7))
    return tf.where(flags >= 128, 3 * colours, 0)


def _bmp(encoded: tf.Tensor) -> tf.Tensor:
    header, compression = (_little_endian(_bytes(encoded, position, 4)) for position in (14, 30))
    bits = _little_endian(_bytes(encoded, 28, 2))
    plain = (header >= 40) & (compression == _UNCOMPRESSED)
    masked = (bits == 32) & (compression == _MASKED) & (_part(encoded, 54, 12) == _BGR_MASKS)
    known = (plain & ((bits == 8) | (bits == 24) | (bits == 32))) | masked
    message = "Only BMPs that are uncompressed and have 8, 24 or 32 bits a pixel can be decoded."

    def with_palette() -> tf.Tensor:
        indices = tf.cast(tf.io.decode_bmp(encoded)[..., 0], tf.int32)  # [H, W]
        palette = tf.reshape(_bytes(encoded, 14 + header, 1024), [256, 4])  # blue, green, red, unused
        return tf.cast(tf.gather(palette[:, 2::-1], indices), tf.uint8)

    with tf.control_dependencies([tf.debugging.Assert(known, [message])]):
        return tf.cond(tf.identity(bits) == 8, with_palette, lambda: _opaque(encoded))


def _orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Of a JPEG, from its Exif segment; 1 where it has none or a broken one."""

    def before_exif(position: tf.Tensor) -> tf.Tensor:
        """Application data and comments stand before the picture."""
        mark, kind = tf.unstack(_bytes(encoded, position, 2))
        return (mark == 0xFF) & (((kind >= 0xE0) & (kind <= 0xEF)) | (kind == 0xFE)) & ~is_exif(position)

    def is_exif(position: tf.Tensor) -> tf.Tensor:
        return (_part(encoded, position, 2) == b"\xff\xe1") & (_part(encoded, position + 4, 6) == b"Exif\x00\x00")

    def next_segment(position: tf.Tensor) -> list[tf.Tensor]:
        return [position + 2 + _big_endian(_bytes(encoded, position + 2, 2))]

    segment = tf.while_loop(before_exif, next_segment, [tf.constant(2)])[0]
    tiff = segment + 10

    def recorded() -> tf.Tensor:
        little = _part(encoded, tiff, 2) == b"II"

        def number(data: tf.Tensor) -> tf.Tensor:
            return tf.where(little, _little_endian(data), _big_endian(data))

        first = tiff + tf.clip_by_value(number(_bytes(encoded, tiff + 4, 4)), 0, 1 << 16)
        count = tf.minimum(number(_bytes(encoded, first, 2)), 1000)
        entries = tf.reshape(_bytes(encoded, first + 2, 12 * count), [count, 12])
        fitting = (number(entries[:, :2]) == _ORIENTATION) & (number(entries[:, 2:4]) == _SHORT)
        value = tf.reduce_max(tf.where(fitting, number(entries[:, 8:10]), 1))
        return tf.where((value >= 1) & (value <= 8), value, 1)

    return tf.cond(is_exif(segment), recorded, lambda: tf.constant(1))


def _part(encoded: tf.Tensor, position: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Bytes from `position`, fewer or none where the file ends. String scalar."""
    return tf.strings.substr(encoded, tf.minimum(position, tf.strings.length(encoded)), count)


def _bytes(encoded: tf.Tensor, position: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """int32 [count], with zeros where the file ends."""
    return tf.cast(tf.io.decode_raw(_part(encoded, position, count), tf.uint8, fixed_length=count), tf.int32)


def _big_endian(data: tf.Tensor) -> tf.Tensor:
    """[..., bytes] to int32 [...]; four bytes may overflow to a negative number."""
    return _little_endian(tf.reverse(data, [-1]))


def _little_endian(data: tf.Tensor) -> tf.Tensor:
    powers = [1, 1 << 8, 1 << 16, 1 << 24][: data.shape[-1]]
    return tf.reduce_sum(data * powers, -1)
