"""Encoded image to the model's pixels: the one graph that the creative store and the served model both use.

Another decoder or another resize moves predictions (by up to 4e-4 between Pillow's resize and TensorFlow's).
"""

from __future__ import annotations

import tensorflow as tf

from trainer.image_decoding import decode_image, turn


def normalise_image(encoded: tf.Tensor, image_px: int) -> tf.Tensor:
    """Decodes PNG, JPEG, GIF or BMP bytes and squares them to `image_px`, antialiased.

    What becomes of alpha, palettes, CMYK, Exif rotation and animations is listed in docs/data.md.

    encoded: string scalar. Returns uint8 [image_px, image_px, 3]. Raises InvalidArgumentError for bytes that do not
    decode.
    """
    pixels, orientation = decode_image(encoded)
    resized = tf.image.resize(pixels, [image_px, image_px], antialias=True)
    square = tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)  # [H, W, 3]
    # A square may as well be turned last, when it is small.
    return turn(square, orientation)
