"""Settings as KerasTuner's hyperparameters, and back."""

from __future__ import annotations

import json

import keras_tuner
import pytest

from configs.settings import Model, Trainer
from configs.tuning import Tuner
from trainer.hyperparameters import applied, decoded, own_values, search_space

SPACE = Tuner.model_validate(
    {
        "space": {
            "model.deep_units": {"choices": [[64, 32], [32], []]},
            "model.kind": {"choices": ["deepfm", "logistic"]},
            "model.use_images": {"choices": [False, True]},
            "model.image_tower.dropout": {"min": 0.2, "max": 0.4},
            "trainer.learning_rate": {"min": 0.001, "max": 0.01, "sampling": "log"},
            "trainer.batch_size": {"min": 128, "max": 2048, "step": 2, "sampling": "log"},
            "trainer.epochs": {"min": 2, "max": 6},
        }
    }
).space


def test_each_path_is_a_hyperparameter_whose_default_is_the_settings_own_value_where_the_space_has_it() -> None:
    found = search_space(SPACE, Model(), Trainer())
    kinds = {one.name: type(one).__name__ for one in found.space}
    assert kinds == {
        "model.deep_units": "Choice",
        "model.kind": "Choice",
        "model.use_images": "Choice",
        "model.image_tower.dropout": "Float",
        "trainer.learning_rate": "Float",
        "trainer.batch_size": "Int",
        "trainer.epochs": "Int",
    }
    assert decoded(found.values) == {
        "model.deep_units": [32],
        "model.kind": "deepfm",  # dcn_v2 is not among the choices: the first
        "model.use_images": True,
        "model.image_tower.dropout": 0.2,  # 0.1 lies below
        "trainer.learning_rate": 0.005,
        "trainer.batch_size": 512,
        "trainer.epochs": 6,  # 8 lies above
    }
    assert not own_values(found.values, Model(), Trainer())
    assert own_values({"model.deep_units": "[32]", "trainer.epochs": 8}, Model(), Trainer())


def test_values_of_every_kind_come_back_as_settings_of_their_type() -> None:
    space = search_space(SPACE, Model(), Trainer())
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("log_loss", "min"), max_trials=20, seed=3, hyperparameters=space
    )
    seen = []
    for number in range(20):
        values = decoded(json.loads(json.dumps(oracle.populate_space(str(number))["values"])))
        model, trainer = applied(Model(), Trainer(), values)
        assert 0.2 <= model.image_tower.dropout <= 0.4
        assert 0.001 <= trainer.learning_rate <= 0.01
        assert trainer.batch_size in (128, 256, 512, 1024, 2048)
        assert trainer.epochs in range(2, 7)
        seen.append((model.deep_units, model.kind, model.use_images))
    assert {deep for deep, _, _ in seen} == {(64, 32), (32,), ()}
    assert {kind for _, kind, _ in seen} == {"deepfm", "logistic"}
    assert {images for _, _, images in seen} == {True, False}


def test_what_is_not_searched_keeps_its_value() -> None:
    model, trainer = applied(Model(dropout=0.3), Trainer(epochs=5), {"model.cross_layers": 1})
    assert (model.dropout, model.cross_layers, trainer.epochs) == (0.3, 1, 5)


def test_values_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match="neither statistics nor filters"):
        applied(Model(), Trainer(), {"model.image_tower.statistics": False, "model.image_tower.filters": []})
