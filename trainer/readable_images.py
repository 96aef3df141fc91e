"""Decodes a request's images so that one which does not decode costs its own row and no other.

A graph cannot catch an error, but a tf.data pipeline can drop the elements that raise one.
"""

from __future__ import annotations

import tensorflow as tf

from trainer.image_graph import normalise_image
from trainer.image_safety import decodable


def decode_readable(encoded: tf.Tensor, image_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """encoded: string [images].

    Returns positions of those that decode and are within the limits of trainer/image_safety.py, int64 [readable] in
    ascending order, and their pixels, uint8 [readable, image_px, image_px, 3], which are those of one black image
    where none is readable: convolutions refuse an empty batch.
    """

    def decoded(position: tf.Tensor, one: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Nothing does not decode either, so that there is one way of failing.
        return position, normalise_image(tf.where(decodable(one), one, ""), image_px)

    count = tf.size(encoded, tf.int64)
    images = tf.data.Dataset.from_tensor_slices((tf.range(count), encoded)).map(decoded)
    # A batch of no image would be none.
    last = tf.data.Dataset.from_tensors((count, tf.zeros([image_px, image_px, 3], tf.uint8)))
    whole = images.ignore_errors().concatenate(last).batch(count + 1)
    positions, pixels = whole.get_single_element()
    readable = tf.size(positions) - 1
    return positions[:readable], pixels[: tf.maximum(readable, 1)]
