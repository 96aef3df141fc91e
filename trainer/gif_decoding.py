"""The first frame of a GIF, and nothing of the others: TensorFlow's decoder unpacks every frame that it is given."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.image_bytes import MAX_STEPS, byte_values, part, words

BACKGROUND = 255
"""Transparent pixels lie on white."""

_EXTENSION, _GRAPHIC_CONTROL, _IMAGE, _TRAILER = b"!", 0xF9, b",", b";"  # GIF89a specification, 20, 23 and 27
_MAX_CANVAS_PX = 8192  # a GIF of 50 bytes may announce 65535 × 65535 pixels and fill one
_WINDOW_BYTES = 1 << 14


class Frame(NamedTuple):
    """Where the first frame lies."""

    start: tf.Tensor
    """Position of its descriptor in the file; the file's size where it has no frame."""
    see_through: tf.Tensor
    """Whether one of its colours is transparent. Boolean."""
    corner: tf.Tensor
    """x and y on the canvas."""
    extent: tf.Tensor
    """Width and height."""
    canvas: tf.Tensor
    """Width and height."""


def first_frame(encoded: tf.Tensor) -> Frame:
    """Of a GIF, string scalar; zeros where it has no frame."""

    def before_the_frame(position: tf.Tensor, within: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return (position < tf.strings.length(encoded)) & (within | (part(encoded, position, 1) == _EXTENSION))

    def next_block(position: tf.Tensor, within: tf.Tensor, see_through: tf.Tensor) -> list[tf.Tensor]:
        """Over the start of an extension, or over one of the pieces of data `within` it."""
        start = byte_values(encoded, position, 4)
        control = ~within & (start[1] == _GRAPHIC_CONTROL) & (start[3] % 2 == 1)
        return [position + tf.where(within, start[0] + 1, 2), ~within | (start[0] > 0), see_through | control]

    state = [13 + _table_bytes(byte_values(encoded, 10, 1)[0]), tf.constant(False), tf.constant(False)]
    start, within, see_through = tf.while_loop(before_the_frame, next_block, state, maximum_iterations=MAX_STEPS)
    found = ~within & (part(encoded, start, 1) == _IMAGE)
    start = tf.where(found, start, tf.strings.length(encoded))
    corner, extent = tf.split(words(encoded, start + 1, 4, tf.uint16, big_endian=False), 2)
    return Frame(start, see_through, corner, extent, words(encoded, 6, 2, tf.uint16, big_endian=False))


def decode_gif(encoded: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W, 3]. The decoder leaves transparent and uncovered pixels black, even where all colours are white."""
    frame = first_frame(encoded)
    single = _without_other_frames(encoded, frame.start)
    covering = tf.reduce_all(frame.corner == 0) & tf.reduce_all(frame.extent == frame.canvas)
    return tf.cond(frame.see_through | ~covering, lambda: _on_background(single, frame), lambda: _opaque(single))


def _without_other_frames(encoded: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """`encoded` up to the end of its first frame; no image where it has none, or more blocks than an encoder makes."""
    size = tf.strings.length(encoded)

    def inside(position: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return byte_values(encoded, position, 1)[0] > 0

    def next_blocks(position: tf.Tensor, steps: tf.Tensor) -> list[tf.Tensor]:
        """Over as many blocks as are equally long, as nearly all are, within a window."""
        window = tf.io.decode_raw(part(encoded, position, _WINDOW_BYTES), tf.uint8, fixed_length=_WINDOW_BYTES)
        stride = 1 + tf.cast(window[0], tf.int32)
        lengths = window[::stride]
        others = tf.concat([lengths != window[0], [True]], 0)
        return [position + stride * tf.argmax(others, output_type=tf.int32), steps + 1]

    first = start + 11 + _table_bytes(byte_values(encoded, start + 9, 1)[0])
    end, steps = tf.while_loop(inside, next_blocks, [first, tf.constant(0)], maximum_iterations=MAX_STEPS)
    whole = (start < size) & (steps < MAX_STEPS)
    return tf.strings.join([part(encoded, 0, tf.where(whole, tf.minimum(end, size - 1) + 1, 0)), _TRAILER])


def _on_background(encoded: tf.Tensor, frame: Frame) -> tf.Tensor:
    """The decoder cuts the canvas to the frame's size, so the frame is moved to the corner and back."""
    size = tf.strings.length(encoded)
    corner, extent, canvas = frame.corner, frame.extent, frame.canvas
    moved = tf.strings.join([part(encoded, 0, frame.start + 1), b"\x00" * 4, part(encoded, frame.start + 5, size)])
    table = _table_bytes(byte_values(encoded, 10, 1)[0])
    local = _table_bytes(byte_values(encoded, frame.start + 9, 1)[0])
    start = tf.where(local > 0, frame.start + 10, 13)
    end = tf.where(local > 0, frame.start + 10 + local, 13 + table)
    white = tf.strings.substr(tf.constant(b"\xff" * 768), 0, end - start)
    whitened = tf.strings.join([part(moved, 0, start), white, part(moved, end, size)])
    pixels = tf.maximum(_opaque(moved), BACKGROUND - _opaque(whitened))
    beyond = tf.maximum(canvas - corner - extent, 0)
    small = tf.reduce_all(corner + extent + beyond <= _MAX_CANVAS_PX)
    borders = tf.where(small, tf.stack([corner[::-1], beyond[::-1]], axis=-1), 0)  # [y and x, before and after]
    return tf.pad(pixels, tf.concat([borders, [[0, 0]]], 0), constant_values=BACKGROUND)


def _opaque(encoded: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_image(encoded, channels=3, expand_animations=False)


def _table_bytes(flags: tf.Tensor) -> tf.Tensor:
    """Size of the colour table that a GIF's packed flags announce; 0: none."""
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)
