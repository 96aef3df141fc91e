"""Small real searches: a few hundred rows, every oracle, trials that fail, an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config as framework_config  # only here can determinism be switched off again

from adclick.errors import AdclickError
from adclick.notices import heard_by
from components.creative_gen.store import CreativePixels
from configs.features import FeatureTable
from configs.settings import Model, Trainer
from configs.tuning import Tuner
from trainer.dataset import Rows
from trainer.preprocessing import dense_names
from trainer.training_inputs import TrainingInputs
from trainer.tuner import ClickTuner, set_apart

ROWS = 400
TABLE = FeatureTable.model_validate(
    [{"name": "bid", "kind": "numeric"}, {"name": "age", "kind": "numeric"}, {"name": "click", "kind": "label"}]
)
# No categorical feature asks the transform output for its vocabulary, and no feature is an image.
INPUTS = TrainingInputs(TABLE, None, CreativePixels((), np.zeros((0, 16, 16, 3), np.uint8)), 1.0)
MODEL = Model(cross_layers=1, deep_units=(), dropout=0.0)
TRAINER = Trainer(epochs=2, batch_size=64, min_steps=20, learning_rate=1e-6, weight_averaging=0.5, refit=False)
LEARNING = TRAINER.model_copy(update={"learning_rate": 0.3})
SPACE = {"trainer.learning_rate": {"choices": [1e-6, 0.3]}, "model.layer_prior": {"min": 0.0, "max": 1.0}}


@pytest.fixture(autouse=True)
def _determinism() -> Iterator[None]:
    """Trials switch it on for their process."""
    yield
    framework_config.disable_op_determinism()


def rows() -> Rows:
    """A click follows the product of bid and age, which the towers alone can learn."""
    generator = np.random.default_rng(1)
    inputs = {name: tf.constant(generator.normal(size=ROWS), tf.float32) for name in dense_names(TABLE)}
    odds = 5.0 * inputs["bid"].numpy() * inputs["age"].numpy()
    label = (generator.random(ROWS) < 1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
    return Rows(inputs, np.full(ROWS, -1), label, np.ones(ROWS, np.float32))


def settings(**changes: Any) -> Tuner:
    return Tuner.model_validate({"trials": 5, "algorithm": "random", "space": SPACE, **changes})


def tuner_of(folder: Path, tuner: Tuner, trainer: Trainer = TRAINER) -> ClickTuner:
    return ClickTuner(INPUTS, MODEL, trainer, tuner, str(folder), "search")


def searched(found: ClickTuner, tuner: Tuner) -> list[str]:
    """What was told."""
    told: list[str] = []
    measured, fitted = set_apart(ROWS, tuner)
    with heard_by(told.append):
        found.search(rows().taken(fitted), rows().taken(measured))
    return told


def test_every_row_measures_or_is_trained_on_and_the_seed_says_which() -> None:
    measured, fitted = set_apart(ROWS, settings(measured_share=0.25))
    assert len(measured) == 100  # 0.25 · 400
    assert sorted([*measured, *fitted]) == list(range(ROWS))
    again, _ = set_apart(ROWS, settings(measured_share=0.25, trials=9))
    other, _ = set_apart(ROWS, settings(measured_share=0.25, seed=8))
    assert again.tolist() == measured.tolist() != other.tolist()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_rows_are_told(count: int) -> None:
    with pytest.raises(AdclickError, match=rf"tuner\.measured_share 0\.2 of {count} training rows"):
        set_apart(count, settings())


@pytest.mark.parametrize(("algorithm", "trials"), [("random", 4), ("bayesian", 5), ("grid", 9)])
def test_a_search_finds_the_learning_rate_that_learns(algorithm: str, trials: int, tmp_path: Path) -> None:
    """At 1e-6 no weight moves: the log loss is about that of the click rate. At 0.3 the product is learnt."""
    grid = algorithm == "grid"
    space = {"trainer.learning_rate": SPACE["trainer.learning_rate"]} if grid else SPACE
    tuner = settings(algorithm=algorithm, trials=trials, space=space, seed=3)
    found = tuner_of(tmp_path, tuner)
    told = searched(found, tuner)
    records = found.records()
    assert len(records) == (2 if grid else trials)  # a grid of two choices has two trials, whatever is allowed
    assert records[0].values["trainer.learning_rate"] == 1e-6
    assert records[0].own == grid  # layer_prior 4.0 lies outside of the space, and its nearest is 1.0
    losses = {record.values["trainer.learning_rate"]: record.log_loss or 0.0 for record in records}
    assert losses[0.3] < losses[1e-6] - 0.05
    assert found.get_best_hyperparameters()[0].values["trainer.learning_rate"] == "0.3"
    assert len(told) == len(records) + 2
    assert told[0] == f"{trials} trials, {algorithm}: each trains on 320 rows and is measured on 80 others"
    assert told[-1].startswith(
        f"best: trial {min(records, key=lambda one: one.log_loss or 0.0).trial} with log loss 0."
    )


def test_a_training_is_the_same_again_whatever_was_trained_before(tmp_path: Path) -> None:
    one, two = (
        settings(trials=trials, space={"trainer.learning_rate": SPACE["trainer.learning_rate"]}) for trials in (1, 2)
    )
    both = [tuner_of(tmp_path / "one", one, LEARNING), tuner_of(tmp_path / "two", two)]
    for found, tuner in zip(both, (one, two), strict=True):
        searched(found, tuner)
    (first,), (_, second) = (found.records() for found in both)
    assert first.values == second.values == {"trainer.learning_rate": 0.3}
    assert first.log_loss == second.log_loss


def test_a_trial_that_fails_does_not_end_the_search(tmp_path: Path) -> None:
    """One of the grid's four combinations has neither statistics nor filters."""
    space = {
        "model.image_tower.statistics": {"choices": [True, False]},
        "model.image_tower.filters": {"choices": [[8], []]},
    }
    tuner = settings(algorithm="grid", trials=9, space=space)
    found = tuner_of(tmp_path, tuner)
    told = searched(found, tuner)
    failed = [record for record in found.records() if record.log_loss is None]
    assert len(found.records()) == 4
    assert [record.values for record in failed] == [
        {"model.image_tower.statistics": False, "model.image_tower.filters": []}
    ]
    assert failed[0].error is not None
    assert failed[0].error.startswith("ValidationError: 1 validation error")
    assert "neither statistics nor filters" in failed[0].error
    assert told[-1].endswith("; 1 of 4 trials failed")


def test_where_every_trial_fails_the_first_cause_is_told(tmp_path: Path) -> None:
    tuner = settings(trials=4)
    found = tuner_of(tmp_path, tuner, TRAINER.model_copy(update={"warm_start": str(tmp_path / "nowhere")}))
    with pytest.raises(
        AdclickError, match=r"all 4 trials of the tuner failed; the first: FileNotFoundError: .*nowhere"
    ):
        searched(found, tuner)


def test_a_search_without_a_figure_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.recipe.Trained.log_loss", lambda *_: float("nan"))
    tuner = settings(trials=1)
    with pytest.raises(AdclickError, match="the first: ArithmeticError: the log loss on the rows set aside is nan"):
        searched(tuner_of(tmp_path, tuner), tuner)


class Known:
    """In place of a trained model: the least log loss is at layer_prior 0.6."""

    def __init__(self, model: Model) -> None:
        self._prior = model.layer_prior

    def log_loss(self, _rows: Rows) -> float:
        return 0.3 + (self._prior - 0.6) ** 2


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Priors that were trained with, one training after the other; the fourth is interrupted."""
    priors: list[float] = []

    def train(_self: TrainingInputs, _rows: Rows, model: Model, *_rest: object) -> Known:
        priors.append(model.layer_prior)
        if len(priors) == 4:
            raise KeyboardInterrupt
        return Known(model)

    monkeypatch.setattr(TrainingInputs, "train", train)
    return priors


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "grid"])
def test_an_interrupted_search_ends_as_if_it_had_not_been(algorithm: str, tmp_path: Path, trained: list[float]) -> None:
    tuner = settings(algorithm=algorithm, trials=6, space={"model.layer_prior": SPACE["model.layer_prior"]})
    with pytest.raises(KeyboardInterrupt):
        searched(tuner_of(tmp_path / "cut", tuner), tuner)
    for file in (tmp_path / "cut" / "search").rglob("*.json"):
        file.write_text("")  # as KerasTuner leaves a file that it was writing
    again = tuner_of(tmp_path / "cut", tuner)
    told = searched(again, tuner)
    assert told[0].endswith("; 3 were made before an interruption")
    assert len(trained) == 4 + 3  # the fourth again, and two more
    assert trained[4] == trained[3]
    whole = tuner_of(tmp_path / "whole", tuner)
    searched(whole, tuner)
    assert again.records() == [
        mine._replace(seconds=other.seconds) for mine, other in zip(whole.records(), again.records(), strict=True)
    ]
    assert [record.values["model.layer_prior"] for record in whole.records()] == trained[7:]


def test_bayesian_search_comes_nearer_and_trains_no_values_twice(
    tmp_path: Path, trained: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.extend([0.0] * 4)  # no interruption
    tuner = settings(algorithm="bayesian", trials=12, space={"model.layer_prior": {"min": 0, "max": 1, "step": 0.1}})
    found = tuner_of(tmp_path, tuner)
    searched(found, tuner)
    best = min(found.records(), key=lambda record: record.log_loss or 0.0)
    assert best.values["model.layer_prior"] == pytest.approx(0.6)
    assert len(found.records()) == 12
    assert len(set(trained[4:])) == len(trained[4:]) <= 11  # the space has eleven values
