"""The wide part's optimum, in the model and against its own gradient."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from configs.settings import ImageTower as TowerSettings
from configs.settings import Model
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.fitting import CreativeEmbedder, predict_logits
from trainer.image_tower import ImageTower
from trainer.paired_effects import PairedEffect
from trainer.wide_part import WidePart, fit_wide, observed_weight

ROWS = 400
SITE = EmbeddedFeature("site", 4, 2, is_text=False)
DEVICE = EmbeddedFeature("device", 3, 2, is_text=False)
WORDS = EmbeddedFeature("words", 6, 2, is_text=True)
EFFECTS = [
    PairedEffect("", "", 3.0),
    PairedEffect("site", "device", 2.0),
    PairedEffect("device", "bid", 1.0),
    PairedEffect("site", "", 4.0),
    PairedEffect("bid", "", 5.0),
]
PART = WidePart(["bid"], [SITE, DEVICE, WORDS], 0.5, {"site": 1.0, "device": 1.5, "words": 2.0}, EFFECTS, True)
PIXELS = np.random.default_rng(4).integers(0, 256, (5, 16, 16, 3), np.uint8)


def drawn(weight: float = 1.0) -> Rows:
    generator = np.random.default_rng(2)
    inputs = {
        "bid": tf.constant(generator.normal(size=ROWS), tf.float32),
        "site": tf.constant(generator.integers(0, 4, ROWS)),
        "device": tf.constant(generator.integers(0, 3, ROWS)),
        "words": tf.RaggedTensor.from_row_lengths(generator.integers(0, 6, 2 * ROWS), np.tile([0, 4, 1, 3], ROWS // 4)),
    }
    label = (generator.random(ROWS) < 0.3).astype(np.float32)
    return Rows(inputs, generator.integers(-1, 5, ROWS), label, np.full(ROWS, weight, np.float32))


def called(rows: Rows) -> tuple[ClickModel, CreativeEmbedder]:
    embedder = CreativeEmbedder(ImageTower(3, TowerSettings(features=2), l2=0.0, seed=1), PIXELS)
    model = ClickModel(PART.dense, PART.embedded, Model(), 0.0, rows=ROWS, seed=1, effects=EFFECTS, creative_features=2)
    predict_logits(model, embedder, rows)
    return model, embedder


def test_the_model_computes_what_was_fitted_and_is_at_the_optimum() -> None:
    """At the optimum the penalised loss, by the model's own logits, has no slope in any wide weight."""
    rows = drawn()
    model, embedder = called(rows)
    found = fit_wide(PART, model, embedder, rows, aggregated=False)
    model.blend(found.bias, found.weights, 0.0)  # the towers are silent
    variables = model.wide_variables(with_creative=True)
    priors = [0.5, 1.0, 1.5, 2.0, 0.5, *(effect.prior for effect in EFFECTS)]  # numbers, values, flag, effects
    assert all(np.abs(variable.numpy()).max() > 1e-3 for variable in variables)
    with tf.GradientTape() as tape:
        tape.watch(variables)
        logits = model(rows.inputs, embedder(tf.constant(rows.creative), training=False))
        loss = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(rows.label, logits))
        loss += tf.add_n([prior * tf.reduce_sum(one**2) for prior, one in zip(priors, variables, strict=True)])
    for gradient in tape.gradient(loss, [*variables, model.bias]):
        assert np.abs(tf.convert_to_tensor(gradient).numpy()).max() < 0.05  # before the fit: up to 30


def test_the_weights_it_has_are_the_priors_means() -> None:
    """With priors far stronger than the rows the weights of an earlier model stay as they are."""
    rows = drawn()
    model, embedder = called(rows)
    variables = model.wide_variables(with_creative=True)
    for variable in variables:
        variable.assign(np.full(variable.shape, 0.1))
    strong = PART._replace(
        number_prior=1e7,
        value_priors=dict.fromkeys(PART.value_priors, 1e7),
        effects=[one._replace(prior=1e7) for one in EFFECTS],
    )
    found = fit_wide(strong, model, embedder, rows, aggregated=False)
    for index, weights in enumerate(found.weights):
        if index != 4:  # the creative's flag, whose prior is always weak
            assert weights == pytest.approx(np.full(len(weights), 0.1), abs=1e-4)


def test_rows_of_one_class_leave_the_model_as_it_was() -> None:
    rows = drawn()
    model, embedder = called(rows)
    silent = Rows(rows.inputs, rows.creative, np.zeros(ROWS, np.float32), rows.weight)
    found = fit_wide(PART, model, embedder, silent, aggregated=False)
    assert found.bias == 0.0
    assert not any(weights.any() for weights in found.weights)


def test_weights_are_relative_unless_they_count_impressions() -> None:
    rows = drawn(weight=5.0)
    assert observed_weight(rows, aggregated=False).tolist() == [1.0] * ROWS
    assert observed_weight(rows, aggregated=True).tolist() == [5.0] * ROWS
