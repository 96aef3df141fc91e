"""One crossing, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.cross_network import CrossLayer


def layer_of(l2: float = 0.0) -> CrossLayer:
    """Two inputs, W = [[1, 2], [3, 4]] (a row per output) and b = [10, 20]."""
    layer = CrossLayer(l2, seed=1)
    layer.build((tf.TensorShape([None, 2]), tf.TensorShape([None, 2])))
    # Keras keeps W transposed, a row per input
    layer.set_weights([np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([10.0, 20.0])])
    return layer


def test_one_crossing_is_equation_1() -> None:
    first, current = tf.constant([[2.0, 3.0]]), tf.constant([[5.0, 7.0]])
    # W x_l + b = [1·5 + 2·7 + 10, 3·5 + 4·7 + 20] = [29, 63]
    # x_0 ⊙ that + x_l = [2·29 + 5, 3·63 + 7] = [63, 196]
    assert layer_of()((first, current)).numpy().tolist() == [[63.0, 196.0]]


def test_rows_of_a_batch_do_not_meet() -> None:
    first, current = tf.constant([[2.0, 3.0], [0.0, 1.0]]), tf.constant([[5.0, 7.0], [1.0, 0.0]])
    # second row: W x_l + b = [1 + 10, 3 + 20] = [11, 23]; [0·11 + 1, 1·23 + 0] = [1, 23]
    assert layer_of()((first, current)).numpy().tolist() == [[63.0, 196.0], [1.0, 23.0]]


def test_the_penalty_is_the_squared_norm_of_w_alone() -> None:
    # 0.5 · (1 + 4 + 9 + 16) = 15; b adds nothing
    assert [float(term) for term in layer_of(l2=0.5).losses] == [15.0]


def test_a_new_layer_nearly_passes_its_input_on() -> None:
    layer = CrossLayer(0.0, seed=1)
    ones = tf.ones([1, 4])
    # |W_ij| < 2 · 0.01 (truncated at two deviations) and b = 0: each output is 1 ± 4 · 0.02
    assert layer((ones, ones)).numpy()[0] == pytest.approx([1.0] * 4, abs=0.08)
    assert layer((ones, ones)).numpy()[0].tolist() != [1.0] * 4
