"""The cross layer of DCN-v2."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


class CrossLayer(keras.layers.Layer):
    """x_{l+1} = x_0 ⊙ (W x_l + b) + x_l, equation (1) of Wang et al. 2021, "DCN V2", doi 10.1145/3442381.3450078.

    Inputs (x_0, x_l), each [batch, d]; returns [batch, d]. W is [d, d], b is [d].
    """

    def __init__(self, l2: float, seed: int, **kwargs: object) -> None:
        """`l2`: weight of the squared norm of W."""
        super().__init__(**kwargs)
        # A small start keeps the crossed terms from drowning the linear ones while they are still noise.
        self._dense_options = {
            "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.01, seed=seed),
            "kernel_regularizer": keras.regularizers.L2(l2),
        }

    def build(self, input_shape: tuple[tf.TensorShape, tf.TensorShape]) -> None:
        """Makes W and b."""
        width = int(input_shape[0][-1])
        self._dense = keras.layers.Dense(width, **self._dense_options)
        self._dense.build(input_shape[1])
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """One crossing."""
        first, current = inputs
        return first * self._dense(current) + current
