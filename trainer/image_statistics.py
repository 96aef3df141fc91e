"""Colour, contrast and layout of a creative in a few dozen numbers, computed in the graph.

With a few thousand clicks they carry more than convolutions trained from scratch, and cost next to nothing.
"""

from __future__ import annotations

import tensorflow as tf

GRID = 4
HUES = 12
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NEAR_BLACK, NEAR_WHITE = 0.1, 0.9
STRONG_EDGE = 0.2
LEAST_SATURATION = 0.02
"""Of a cell, below which the direction of its colour tells less and less."""
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def image_statistics(pixels: tf.Tensor) -> tf.Tensor:
    """pixels: uint8 [creatives, H, W, 3]. Returns float32 [creatives, statistics], each of order one."""
    rgb = tf.cast(pixels, tf.float32) / 255.0  # [N, H, W, 3]
    luma = tf.reduce_sum(rgb * tf.constant(LUMA), axis=-1, keepdims=True)  # [N, H, W, 1]
    saturation = tf.reduce_max(rgb, -1, keepdims=True) - tf.reduce_min(rgb, -1, keepdims=True)  # [N, H, W, 1]
    warmth = rgb[..., :1] - rgb[..., 2:]  # [N, H, W, 1]
    planes = tf.concat([rgb, luma, saturation, warmth], -1)  # [N, H, W, 6]
    flat = tf.reshape(planes, [tf.shape(planes)[0], -1, 6])  # [N, HW, 6]
    mean, variance = tf.nn.moments(flat, axes=[1])  # [N, 6] each
    ordered = tf.sort(flat[..., 3:5], axis=1)  # [N, HW, 2]: luma and saturation
    last = tf.cast(tf.shape(ordered)[1] - 1, tf.float32)
    positions = tf.cast(tf.round(tf.constant(QUANTILES) * last), tf.int32)
    quantiles = tf.reshape(tf.gather(ordered, positions, axis=1), [-1, 2 * len(QUANTILES)])
    dx = tf.abs(luma[:, :, 1:] - luma[:, :, :-1])
    dy = tf.abs(luma[:, 1:] - luma[:, :-1])
    edges = tf.concat(
        [_share(dx > cut) for cut in (STRONG_EDGE / 4, STRONG_EDGE)]
        + [_share(dy > cut) for cut in (STRONG_EDGE / 4, STRONG_EDGE)]
        + [tf.reduce_mean(dx, [1, 2]), tf.reduce_mean(dy, [1, 2])],
        -1,
    )  # [N, 6]
    extremes = tf.concat([_share(luma < NEAR_BLACK), _share(luma > NEAR_WHITE)], -1)  # [N, 2]
    side = pixels.shape[1] // GRID
    # Where edges lie tells a busy picture from a line of text (Oliva and Torralba 2001, doi 10.1023/A:1011139631724).
    edge = tf.pad(dx, [[0, 0], [0, 0], [0, 1], [0, 0]]) + tf.pad(dy, [[0, 0], [0, 1], [0, 0], [0, 0]])
    cells = tf.nn.avg_pool2d(tf.concat([planes[..., 3:], edge], -1), side, side, "VALID")  # [N, GRID, GRID, 4]
    bright, colourful, warm, busy = tf.split(cells, 4, -1)
    # Red against blue of a pale colour differ little: a share of the saturation tells the colour without its strength.
    cells = tf.concat([bright, colourful, warm / (colourful + LEAST_SATURATION), busy], -1)
    grid = tf.reshape(cells, [-1, GRID * GRID * 4])
    return tf.concat([mean, tf.sqrt(variance), quantiles, edges, extremes, grid, _hues(rgb)], -1)


def _hues(rgb: tf.Tensor) -> tf.Tensor:
    """Share of each of HUES hues, weighted by chroma, a pixel's going to the two that are nearest. [N, HUES].

    Hue as in Smith 1978, "Color gamut transform pairs", doi 10.1145/965139.807361. Green is the one that warmth cannot
    tell from grey.
    """
    brightest = tf.reduce_max(rgb, -1)  # [N, H, W]
    chroma = brightest - tf.reduce_min(rgb, -1)
    red, green, blue = tf.unstack(rgb, axis=-1)
    scale = tf.maximum(chroma, 1e-6)
    sextant = tf.where(
        brightest == red,
        (green - blue) / scale,
        tf.where(brightest == green, (blue - red) / scale + 2.0, (red - green) / scale + 4.0),
    )  # -1 … 5
    place = (sextant % 6.0) * (HUES / 6.0)
    distance = tf.abs(place[..., tf.newaxis] - tf.range(HUES, dtype=tf.float32))  # [N, H, W, HUES]
    nearness = tf.maximum(1.0 - tf.minimum(distance, HUES - distance), 0.0)
    return tf.reduce_mean(nearness * chroma[..., tf.newaxis], [1, 2])


def _share(condition: tf.Tensor) -> tf.Tensor:
    """[N, H, W, 1] booleans to their share, [N, 1]."""
    return tf.reduce_mean(tf.cast(condition, tf.float32), [1, 2])
