"""The second-order part of a factorisation machine."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


class PairwiseProducts(keras.layers.Layer):
    """Σ over pairs of fields of their elementwise product: ½ ((Σ v)² - Σ v²), lemma 3.1 of Rendle 2010, "Factorization
    Machines", doi 10.1109/ICDM.2010.127, kept apart by dimension so that the output weighs each.

    Inputs: fields, each [batch, width of its own]; one of another width than the first is mapped to it linearly, as
    numbers and creatives are. Returns [batch, width of the first].
    """

    def __init__(self, l2: float, seed: int, **kwargs: object) -> None:
        """`l2`: weight of the squared norm of the maps."""
        super().__init__(**kwargs)
        self._l2, self._seed = l2, seed

    def build(self, input_shape: list[tf.TensorShape]) -> None:
        """Makes the maps."""
        self._width = int(input_shape[0][-1])
        self._maps = {
            index: keras.layers.Dense(
                self._width,
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.05, seed=self._seed + index),
                kernel_regularizer=keras.regularizers.L2(self._l2),
            )
            for index, shape in enumerate(input_shape)
            if int(shape[-1]) != self._width
        }
        super().build(input_shape)

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """The products."""
        fields = [self._maps[index](field) if index in self._maps else field for index, field in enumerate(inputs)]
        stacked = tf.stack(fields, 1)  # [B, fields, width]
        together = tf.square(tf.reduce_sum(stacked, 1))
        return 0.5 * (together - tf.reduce_sum(tf.square(stacked), 1))
