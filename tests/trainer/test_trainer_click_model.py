"""Logits worked out by hand from weights set by hand."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from transform_sample import TABLE, Sample, raw

from configs.features import FeatureTable
from configs.settings import Model
from trainer.click_model import ClickModel, EmbeddedFeature, embedded_features
from trainer.paired_effects import PairedEffect

PLAIN = Model(cross_layers=1, deep_units=(1,), dropout=0.0, layer_prior=0.0, embedding_prior=0.0)
REGION = EmbeddedFeature("region", 3, 2, is_text=False)
TOPICS = EmbeddedFeature("topics", 4, 2, is_text=True)
INPUTS = {
    "bid": tf.constant([1.5, -0.5]),
    "region": tf.constant([0, 2], tf.int64),
    "topics": tf.ragged.constant([[1, 3], []], dtype=tf.int64),
}


def built(dense: list[str], embedded: list[EmbeddedFeature], settings: Model = PLAIN, bias: float = 0.0) -> ClickModel:
    model = ClickModel(dense, embedded, settings, bias, rows=30, seed=1)
    model(INPUTS)
    return model


def set_weights(layer: keras.layers.Layer, *values: object) -> None:
    layer.set_weights([np.array(value, np.float32) for value in values])


def test_linear_part_is_bias_plus_one_weight_per_value() -> None:
    model = built(["bid"], [REGION, TOPICS], bias=-2.0)
    model._out.kernel.assign(tf.zeros_like(model._out.kernel))
    set_weights(model._weights_of["region"], [[0.1], [0.2], [0.4]])
    set_weights(model._weights_of["topics"], [[9.0], [1.0], [9.0], [2.0]])
    # row 0: -2 + 0.1 + (1 + 2) / √2 = 0.2213; row 1 has no word: -2 + 0.4 = -1.6
    assert model(INPUTS).numpy() == pytest.approx([-1.9 + 3.0 / 2.0**0.5, -1.6], abs=1e-6)


def test_a_blend_is_between_the_wide_part_and_itself() -> None:
    model = built(["bid"], [REGION], bias=-2.0)
    set_weights(model._weights_of["region"], [[0.1], [0.2], [0.4]])
    own = model(INPUTS).numpy()
    # alone: 1 + 3 · bid + the region's: 1 + 4.5 + 0.5 and 1 - 1.5 - 0.5
    model.blend(1.0, [np.array([3.0]), np.array([0.5, 0.0, -0.5])], 0.25)
    assert model(INPUTS).numpy() == pytest.approx(0.75 * np.array([6.0, -1.0]) + 0.25 * own, abs=1e-6)


def test_a_creative_out_of_the_towers_is_the_wide_parts_alone() -> None:
    model = ClickModel([], [REGION], PLAIN, 0.0, rows=30, seed=1, creative_in_towers=False)
    some, other = (tf.constant([[one, 1.0], [one, 0.0]]) for one in (7.0, -7.0))
    assert model(INPUTS, some).numpy().tolist() == model(INPUTS, other).numpy().tolist()


def test_a_creatives_flag_and_slopes_by_value() -> None:
    """Row 0: 0.5 for its creative, slope 2 of its region in the bid, 1.5 · 2; row 1 has no creative, -0.5 · 4."""
    settings = Model(kind="logistic")
    effects = [PairedEffect("region", "bid", 1.0)]
    model = ClickModel(["bid"], [REGION], settings, 0.0, rows=30, seed=1, effects=effects)
    creative = tf.constant([[7.0, 1.0], [0.0, 0.0]])
    model(INPUTS, creative)
    _, _, flag, slopes = model.wide_variables(with_creative=True)
    flag.assign([[0.5]])
    slopes.assign([[2.0], [0.0], [4.0]])
    assert model(INPUTS, creative).numpy() == pytest.approx([3.5, -2.0])


def test_cross_and_deep_read_the_same_input_side_by_side() -> None:
    model = built(["bid"], [], bias=-1.0)
    set_weights(model._crosses[0], [[2.0]], [0.5])
    set_weights(model._deep[0], [[-1.0]], [5.0])
    set_weights(model._out, [[0.1], [10.0]], [-1.0])
    # cross: x (2 x + 0.5) + x; deep: relu(-x + 5); logit: 0.1 cross + 10 deep - 1
    # x = 1.5: cross = 1.5 · 3.5 + 1.5 = 6.75, deep = 3.5: 0.675 + 35 - 1 = 34.675
    # x = -0.5: cross = -0.5 · -0.5 - 0.5 = -0.25, deep = 5.5: -0.025 + 55 - 1 = 53.975
    assert model(INPUTS).numpy() == pytest.approx([34.675, 53.975], abs=1e-4)


def test_a_second_crossing_multiplies_by_the_first_input_again() -> None:
    model = built(["bid"], [], Model(cross_layers=2, deep_units=(), dropout=0.0, layer_prior=0.0, embedding_prior=0.0))
    set_weights(model._crosses[0], [[2.0]], [0.0])
    set_weights(model._crosses[1], [[1.0]], [0.0])
    set_weights(model._out, [[1.0], [0.0]], [0.0])
    # x = 1.5: x1 = 1.5 · 3 + 1.5 = 6, x2 = 1.5 · 6 + 6 = 15; x = -0.5: x1 = 0.5 - 0.5 = 0, x2 = 0
    assert model(INPUTS).numpy() == pytest.approx([15.0, 0.0], abs=1e-5)


def test_parts_stand_in_order_numbers_embeddings_creative() -> None:
    """Without crossing or deep layers x reaches the output twice, so its place shows in the kernel."""
    settings = Model(cross_layers=0, deep_units=(), dropout=0.0, layer_prior=0.0, embedding_prior=0.0)
    model = ClickModel(["bid"], [REGION, TOPICS], settings, bias=0.0, rows=30, seed=1)
    creative = tf.constant([[7.0, 1.0], [0.0, 0.0]])
    model(INPUTS, creative)
    set_weights(model._tables["region"], [[0.1, 0.2], [0.0, 0.0], [0.3, 0.4]])
    set_weights(model._tables["topics"], [[9.0, 9.0], [1.0, 2.0], [9.0, 9.0], [3.0, 6.0]])
    places = 10.0 ** np.arange(7)  # bid, region (2), topics (2), creative (2)
    model._out.kernel.assign(np.concatenate([places, np.zeros(7)])[:, np.newaxis])
    # row 0: 1·1.5 + 10·0.1 + 100·0.2 + 1000·(1 + 3) / √2 + 10^4·(2 + 6) / √2 + 10^5·7 + 10^6·1
    #      = 1.5 + 1 + 20 + 84 000 / √2 + 700 000 + 1 000 000 = 1 700 022.5 + 59 396.97
    # row 1: -0.5 + 10·0.3 + 100·0.4, no word, no creative = 42.5
    assert model(INPUTS, creative).numpy() == pytest.approx([1_700_022.5 + 84_000 / 2**0.5, 42.5], rel=1e-6)


def test_a_row_without_words_leaves_gradients_finite() -> None:
    model = built(["bid"], [TOPICS])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(INPUTS))
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()


def test_the_prior_is_shared_among_the_rows() -> None:
    settings = Model(cross_layers=0, deep_units=(), layer_prior=0.0, embedding_prior=60.0)
    model = built([], [REGION], settings)
    set_weights(model._tables["region"], [[1.0, 2.0], [0.0, 0.0], [0.0, 2.0]])
    set_weights(model._weights_of["region"], [[3.0], [0.0], [0.0]])
    # 60 pseudo-observations over 30 rows: 2 · (1 + 4 + 4) = 18 and 2 · 9 = 18; the output's l2 is 0
    assert sorted(float(term) for term in model.losses) == [0.0, 18.0, 18.0]


def test_logistic_is_weights_and_numbers_alone() -> None:
    model = built(["bid"], [REGION], Model(kind="logistic", embedding_prior=0.0, layer_prior=0.0), bias=-1.0)
    set_weights(model._weights_of["region"], [[0.1], [0.2], [0.4]])
    set_weights(model._direct, [[2.0]])
    # -1 + 2 · 1.5 + 0.1 and -1 + 2 · -0.5 + 0.4
    assert model(INPUTS).numpy() == pytest.approx([2.1, -1.6], abs=1e-6)
    assert not model.has_towers
    assert [tuple(one.shape) for one in model.wide_variables(with_creative=False)] == [(1, 1), (3, 1)]


def test_wide_and_deep_reads_numbers_beside_the_deep_tower() -> None:
    settings = Model(kind="wide_deep", deep_units=(1,), dropout=0.0, layer_prior=0.0, embedding_prior=0.0)
    model = built(["bid"], [], settings, bias=0.0)
    set_weights(model._deep[0], [[-1.0]], [5.0])
    set_weights(model._direct, [[0.1]])
    set_weights(model._out, [[10.0]], [-1.0])
    # 0.1 x + 10 relu(5 - x) - 1: 0.15 + 35 - 1 and -0.05 + 55 - 1
    assert model(INPUTS).numpy() == pytest.approx([34.15, 53.95], abs=1e-4)


def test_deepfm_multiplies_pairs_of_embeddings() -> None:
    settings = Model(kind="deepfm", deep_units=(), dropout=0.0, layer_prior=0.0, embedding_prior=0.0)
    model = built([], [REGION, TOPICS], settings, bias=0.0)
    set_weights(model._tables["region"], [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]])
    set_weights(model._tables["topics"], [[9.0, 9.0], [1.0, 2.0], [9.0, 9.0], [3.0, 6.0]])
    set_weights(model._out, [[1.0], [10.0]], [0.5])
    # row 0: topics give (4, 8) / √2: (1·4 + 10 · 2·8) / √2 + 0.5; row 1 has no word, so no product
    assert model(INPUTS).numpy() == pytest.approx([164.0 / 2.0**0.5 + 0.5, 0.5], abs=1e-4)


@pytest.mark.parametrize("kind", ["logistic", "wide_deep", "deepfm", "dcn_v2"])
def test_a_factor_folds_into_the_weights_of_every_kind(
    kind: Literal["logistic", "wide_deep", "deepfm", "dcn_v2"],
) -> None:
    model = built(["bid"], [REGION, TOPICS], Model(kind=kind), bias=-2.0)
    set_weights(model._weights_of["region"], [[0.1], [0.2], [0.4]])
    before = model(INPUTS).numpy()
    model.multiply_logits(0.7)
    assert model(INPUTS).numpy() == pytest.approx(0.7 * before, abs=1e-6)


def test_estimated_priors_hold_for_the_feature_they_are_of() -> None:
    settings = Model(cross_layers=0, deep_units=(), layer_prior=0.0, embedding_prior=60.0, embedding_prior_ratio=8.0)
    model = ClickModel([], [REGION, TOPICS], settings, 0.0, rows=30, seed=1, effect_priors={"region": 3.0})
    model(INPUTS)
    set_weights(model._tables["region"], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    set_weights(model._weights_of["region"], [[1.0], [0.0], [0.0]])
    set_weights(model._tables["topics"], [[1.0, 0.0]] + [[0.0, 0.0]] * 3)
    set_weights(model._weights_of["topics"], [[1.0]] + [[0.0]] * 3)
    # region: 3 / 30 on the weight, 8 · 3 / 30 on the embedding; topics: 60 / 30 twice; the output's l2 is 0
    assert sorted(float(term) for term in model.losses) == pytest.approx([0.0, 0.1, 0.8, 2.0, 2.0])


def test_dropout_works_in_training_only() -> None:
    settings = Model(cross_layers=0, deep_units=(64,), dropout=0.5, layer_prior=0.0, embedding_prior=0.0)
    model = built(["bid"], [], settings)
    assert np.array_equal(model(INPUTS).numpy(), model(INPUTS).numpy())
    assert not np.array_equal(model(INPUTS, training=True).numpy(), model(INPUTS).numpy())


def test_table_sizes_leave_rows_for_rare_new_and_missing_values() -> None:
    sizes = {one.name: one.size for one in embedded_features(TABLE, {"region": 2, "campaign": 1})}
    # buckets 1 … n and 0 for missing; a vocabulary, rare, new and missing ones; hashes have a bucket for everything
    assert sizes == {
        "age": 2 + 1,
        "tenure": 2 + 1,
        "never_cut": 10 + 1,
        "region": 2 + 3,
        "campaign": 1 + 3,
        "page": 50,
        "topics": 1000,
    }


def test_rare_new_and_missing_values_take_the_rows_behind_the_vocabulary(sample: Sample) -> None:
    output = sample.output
    size = output.vocabulary_size_by_name("vocabulary_region")
    (region,) = embedded_features(
        FeatureTable.model_validate([TABLE["region"].model_dump(), TABLE["click"].model_dump()]), {"region": size}
    )
    model = ClickModel([], [region], PLAIN, bias=0.0, rows=30, seed=1)
    ids = output.transform_features_layer()(raw(region=["south", "north", "east", "mars", None]))
    model({"region": ids["region"]})
    model._out.kernel.assign(tf.zeros_like(model._out.kernel))
    set_weights(model._weights_of["region"], [[1.0], [2.0], [8.0], [16.0], [32.0]])
    # two values pass min_count 2, the more frequent first; then east (seen once), mars (never seen) and missing
    assert model({"region": ids["region"]}).numpy().tolist() == [1.0, 2.0, 8.0, 16.0, 32.0]
