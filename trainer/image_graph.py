"""Encoded image to the model's pixels: the one graph that the creative store and the served model both use.

Another decoder or another resize moves predictions (by up to 4e-4 between Pillow's resize and TensorFlow's).
"""

from __future__ import annotations

import tensorflow as tf


def normalise_image(encoded: tf.Tensor, image_px: int) -> tf.Tensor:
    """Decodes PNG, JPEG, GIF (first frame) or BMP bytes and squares them to `image_px`, antialiased.

    encoded: string scalar. Returns uint8 [image_px, image_px, 3]. Raises InvalidArgumentError for bytes that do not
    decode.
    """
    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    pixels.set_shape([None, None, 3])
    resized = tf.image.resize(pixels, [image_px, image_px], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)  # [H, W, 3]
