"""Products of pairs, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from trainer.pairwise_products import PairwiseProducts


def test_products_of_all_pairs_are_summed_by_dimension() -> None:
    layer = PairwiseProducts(l2=0.0, seed=1)
    fields = [tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 4.0]]), tf.constant([[5.0, 6.0]])]
    # 1·3 + 1·5 + 3·5 = 23 and 2·4 + 2·6 + 4·6 = 44
    assert layer(fields).numpy() == pytest.approx(np.array([[23.0, 44.0]]))


def test_a_field_of_another_width_is_mapped_first() -> None:
    layer = PairwiseProducts(l2=0.0, seed=1)
    fields = [tf.constant([[1.0, 2.0]]), tf.constant([[10.0]])]
    layer(fields)
    layer.set_weights([np.array([[0.3, 0.5]], np.float32)])
    # the second becomes (3, 5): 1·3 and 2·5
    assert layer(fields).numpy() == pytest.approx(np.array([[3.0, 10.0]]))


def test_one_field_has_no_pair() -> None:
    assert PairwiseProducts(l2=0.0, seed=1)([tf.constant([[4.0, -2.0]])]).numpy().tolist() == [[0.0, 0.0]]
