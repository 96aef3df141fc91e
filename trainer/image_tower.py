"""Pixels to the embedding of a creative."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from configs.settings import ImageTower as TowerSettings
from trainer.image_statistics import image_statistics

LEAST_SPREAD = 1e-3
"""Components that vary less are the rest of others."""


class ImageTower(keras.layers.Layer):
    """Standardised image statistics and a small stride-2 convolutional net side by side, projected to one embedding.

    Inputs: pixels uint8 [creatives, px, px, 3]. Returns float32 [creatives, embedding_dim + features]: the embedding,
    which is learnt, and behind it the statistics' principal components, which are not.
    """

    def __init__(self, embedding_dim: int, settings: TowerSettings, l2: float, seed: int, **kwargs: object) -> None:
        """`l2` weighs the squared norm of every kernel."""
        super().__init__(**kwargs)
        self._settings = settings
        self._convolutions = [
            keras.layers.Conv2D(
                filters,
                3,
                strides=2,
                padding="same",
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seed + index),
                kernel_regularizer=keras.regularizers.L2(l2),
            )
            for index, filters in enumerate(settings.filters)
        ]
        self._dropout = keras.layers.Dropout(settings.dropout, seed=seed)
        self._project = keras.layers.Dense(
            embedding_dim,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            kernel_regularizer=keras.regularizers.L2(l2),
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Makes the constants that `adapt` sets."""
        width = image_statistics(tf.zeros([1, *input_shape[1:]], tf.uint8)).shape[-1]
        self._mean = self.add_weight("statistics_mean", [width], initializer="zeros", trainable=False)
        self._spread = self.add_weight("statistics_spread", [width], initializer="ones", trainable=False)
        self._directions = self.add_weight(
            "statistics_directions", [width, self._settings.features], initializer="zeros", trainable=False
        )
        super().build(input_shape)

    def adapt(self, statistics: tf.Tensor) -> None:
        """Standardises by these creatives' statistics, [creatives, statistics], and finds their principal components.

        A component is divided by the root of its standard deviation: halfway between the few that hold most of the
        spread and all alike. On their own scale a small button would be lost; made alike, noise would count as much.
        """
        mean, variance = tf.nn.moments(statistics, axes=[0])
        self._mean.assign(mean)
        self._spread.assign(tf.sqrt(variance) + 1e-3)
        standard = self._standardised(statistics).numpy().astype(np.float64)
        _, spreads, directions = np.linalg.svd(standard - standard.mean(0), full_matrices=False)
        spreads /= np.sqrt(len(standard))
        kept = min(self._settings.features, int((spreads > LEAST_SPREAD).sum()))
        scaled = np.zeros(self._directions.shape)
        scaled[:, :kept] = directions[:kept].T / np.sqrt(spreads[:kept])
        size = np.sqrt(spreads[:kept].mean()) if kept else 1.0
        self._directions.assign(scaled / size)

    def _standardised(self, statistics: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value((statistics - self._mean) / self._spread, -5.0, 5.0)

    def components(self, statistics: tf.Tensor) -> tf.Tensor:
        """[creatives, statistics] to [creatives, features]."""
        return tf.linalg.matmul(self._standardised(statistics), self._directions)

    def turn(self, matrix: npt.NDArray[np.float64]) -> None:
        """Multiplies the components by this from now on, [features, features]."""
        self._directions.assign(self._directions.numpy().astype(np.float64) @ matrix)

    @property
    def statistics(self) -> int:
        """Numbers that it takes from a picture."""
        return int(self._mean.shape[0])

    @property
    def features(self) -> int:
        """Components behind the embedding."""
        return self._settings.features

    def call(self, pixels: tf.Tensor, statistics: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """`statistics` may bring the pixels' statistics where they are known already, [creatives, statistics]."""
        standard = self._standardised(image_statistics(pixels) if statistics is None else statistics)
        parts = [standard] if self._settings.statistics else []
        if self._convolutions:
            hidden = tf.cast(pixels, tf.float32) / 127.5 - 1.0  # [N, px, px, 3]
            for convolution in self._convolutions:
                hidden = convolution(hidden)
            parts.append(tf.reduce_mean(hidden, [1, 2]))  # [N, filters]
        embedding = self._project(self._dropout(tf.concat(parts, -1), training=training))
        return tf.concat([tf.cast(embedding, tf.float32), tf.linalg.matmul(standard, self._directions)], -1)
