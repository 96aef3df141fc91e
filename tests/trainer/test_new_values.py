"""What a fitted model makes of values that training has never seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from configs.settings import Model
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.fitting import CreativeEmbedder
from trainer.new_values import settle_new_values
from trainer.paired_effects import PairedEffect

CITY = EmbeddedFeature("city", 5, 2, is_text=False, of_vocabulary=True)  # oslo, rome, rare, new, missing
PAGE = EmbeddedFeature("page", 2, 2, is_text=False)
NOBODY = CreativeEmbedder(None, np.zeros((0, 8, 8, 3), np.uint8))


def rows(cities: list[int], weight: list[float] | None = None) -> Rows:
    count = len(cities)
    inputs = {
        "city": tf.constant(cities, tf.int64),
        "page": tf.constant([row % 2 for row in range(count)], tf.int64),
        "bid": tf.linspace(-1.0, 1.0, count),
    }
    label = np.zeros(count, np.float32)
    return Rows(inputs, np.full(count, -1), label, np.array(weight or [1.0] * count, np.float32))


def made(settings: Model, effects: list[PairedEffect]) -> ClickModel:
    model = ClickModel(["bid"], [CITY, PAGE], settings, -1.0, rows=30, seed=1, effects=effects)
    logits(model, rows([0]))
    generator = np.random.default_rng(3)
    for variable in [*model.trainable_variables]:
        variable.assign(generator.normal(0.0, 1.0, variable.shape))
    return model


def logits(model: ClickModel, of: Rows) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = model(of.inputs, None).numpy().astype(np.float64)
    return found


def probabilities(model: ClickModel, of: Rows, shift: float) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(logits(model, of) + shift)))
    return found


@pytest.mark.parametrize("place", [3, 4])
def test_tables_end_with_the_mean_over_the_rows(place: int) -> None:
    model = made(Model(), [PairedEffect("city", "page", 1.0), PairedEffect("city", "bid", 1.0)])
    settle_new_values(model, NOBODY, rows([0, 1, 1, 2], [1.0, 1.0, 1.0, 5.0]), 0.0, seed=1)
    share = np.array([1, 2, 5]) / 8
    embedding = model.value_embeddings["city"].get_weights()[0]
    assert embedding[place] == pytest.approx(share @ embedding[:3], abs=1e-6)
    pairs = model.effect_weights[0].get_weights()[0].reshape(5, 2)
    assert pairs[place] == pytest.approx(share @ pairs[:3], abs=1e-6)
    slopes = model.effect_weights[1].get_weights()[0].reshape(5)
    assert slopes[place] == pytest.approx(share @ slopes[:3], abs=1e-6)


@pytest.mark.parametrize("place", [3, 4])
def test_as_many_clicks_are_expected_of_rows_whose_values_are_new(place: int) -> None:
    model = made(Model(), [PairedEffect("city", "page", 1.0)])
    weight = [0.5, 1.0, 2.0, 1.0, 1.0, 3.0]
    known, new = rows([0, 1, 1, 2, 0, 1], weight), rows([place] * 6, weight)
    before = probabilities(model, known, 0.25)
    settle_new_values(model, NOBODY, known, 0.25, seed=1)
    assert np.array_equal(probabilities(model, known, 0.25), before)  # known and rare values keep theirs
    assert probabilities(model, new, 0.25) @ weight == pytest.approx(before @ weight, rel=1e-5)


def test_a_logistic_models_new_value_leaves_the_other_columns_their_weights() -> None:
    model = made(Model(kind="logistic"), [])
    settle_new_values(model, NOBODY, rows([0, 1, 1, 2]), 0.0, seed=1)
    of = rows([3, 3, 3])
    page = model.value_weights["page"].get_weights()[0][:, 0]
    bid = float(model.wide_variables(with_creative=False)[0].numpy()[0, 0])
    found = logits(model, of)
    assert found[1] - found[0] == pytest.approx(page[1] - page[0] + bid, abs=1e-5)  # bids -1, 0, 1


def test_a_row_that_training_has_taught_stays() -> None:
    """Values beyond the vocabulary's size are as new as those that come later."""
    model = made(Model(), [])
    before = [variable.numpy() for variable in model.trainable_variables]
    settle_new_values(model, NOBODY, rows([0, 1, 3, 2, 4]), 0.0, seed=1)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert np.array_equal(variable.numpy(), value)
