"""Fitting on tiny data: what is trained on, what is left in the model, and the arithmetic on the way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework import config as framework_config  # only here can determinism be switched off again

from configs.settings import ImageTower as TowerSettings
from configs.settings import Model, Trainer
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.fitting import (
    AveragedWeights,
    CreativeEmbedder,
    Epoch,
    _WarmUpCosine,
    fit,
    predict_logits,
    set_aside,
    with_flag,
)
from trainer.image_tower import ImageTower

ROWS, NUMBERS = 60, 6
PIXELS = np.random.default_rng(4).integers(0, 256, (4, 16, 16, 3), np.uint8)
NO_PIXELS = np.zeros((0, 16, 16, 3), np.uint8)
MODEL = Model(cross_layers=1, deep_units=(8,), dropout=0.0, layer_prior=0.0, embedding_prior=0.0)


def noise_rows() -> Rows:
    """Labels that follow nothing, so that a model can only learn them by heart; each row has an id of its own."""
    generator = np.random.default_rng(0)
    inputs = {f"x{i}": tf.constant(generator.normal(size=ROWS), tf.float32) for i in range(NUMBERS)}
    inputs["id"] = tf.range(ROWS, dtype=tf.int64)
    label = generator.integers(0, 2, ROWS).astype(np.float32)
    creative = generator.integers(-1, len(PIXELS), ROWS)
    return Rows(inputs, creative, label, np.ones(ROWS, np.float32))


def model_of(seed: int = 1, settings: Model = MODEL) -> ClickModel:
    """Untrained, with an embedding of two numbers for each row's id."""
    dense = [f"x{i}" for i in range(NUMBERS)]
    return ClickModel(dense, [EmbeddedFeature("id", ROWS, 2, is_text=False)], settings, bias=0.0, rows=ROWS, seed=seed)


def four_rows(label: list[int], weight: list[float]) -> Rows:
    return Rows({}, np.full(4, -1), np.array(label, np.float32), np.array(weight, np.float32))


def log_loss(logits: npt.NDArray[np.float32], label: npt.NDArray[np.float32]) -> float:
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return float(-np.mean(label * np.log(probability) + (1 - label) * np.log(1 - probability)))


def test_averages_are_shorter_at_the_start() -> None:
    weight = tf.Variable([1.0])
    averages = AveragedWeights([weight], decay=0.99)
    weight.assign([2.0])
    averages.update()  # decay (1 + 1) / (10 + 1) = 2/11: 2/11 · 1 + 9/11 · 2 = 20/11
    weight.assign([4.0])
    averages.update()  # decay (1 + 2) / (10 + 2) = 1/4: 1/4 · 20/11 + 3/4 · 4 = 5/11 + 3
    averages.swap()
    assert weight.numpy()[0] == pytest.approx(3 + 5 / 11, abs=1e-6)
    averages.swap()
    assert weight.numpy()[0] == 4.0


def test_decay_is_the_ceiling_of_the_averaging() -> None:
    weight = tf.Variable([1.0])
    averages = AveragedWeights([weight], decay=0.2)
    weight.assign([2.0])
    averages.update()  # 2/11 is below 0.2: 20/11
    weight.assign([4.0])
    averages.update()  # 1/4 is above 0.2: 0.2 · 20/11 + 0.8 · 4 = 4/11 + 3.2
    averages.swap()
    assert weight.numpy()[0] == pytest.approx(3.2 + 4 / 11, abs=1e-6)


def test_learning_rate_warms_up_and_then_falls_to_zero() -> None:
    rate = _WarmUpCosine(peak=0.01, steps=100, warmup_share=0.1)
    # the first step is step 0; ten steps of warm-up: 1/10 of the peak, then the peak at step 9
    assert float(rate(tf.constant(0))) == pytest.approx(0.001)
    assert float(rate(tf.constant(9))) == pytest.approx(0.01)
    # half of the 90 steps after it: cos(pi / 2) = 0, half the peak; the last step: cos(pi) = -1, zero
    assert float(rate(tf.constant(54))) == pytest.approx(0.005)
    assert float(rate(tf.constant(99))) == pytest.approx(0.0, abs=1e-9)


def test_learning_rate_without_warm_up_starts_at_the_peak() -> None:
    rate = _WarmUpCosine(peak=0.01, steps=100, warmup_share=0.0)
    assert float(rate(tf.constant(0))) == pytest.approx(0.01)


def test_a_row_without_a_creative_has_zeros_and_no_flag() -> None:
    flagged = with_flag(tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([True, False]))
    assert flagged.numpy().tolist() == [[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]]


class _CountingTower(ImageTower):
    """Notes the pixels of each call."""

    def __init__(self) -> None:
        super().__init__(3, TowerSettings(filters=(4,), features=2), l2=0.0, seed=1)
        self.seen: list[npt.NDArray[np.uint8]] = []

    def call(self, pixels: tf.Tensor, statistics: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        if tf.executing_eagerly():
            self.seen.append(pixels.numpy())
        return super().call(pixels, statistics, training)


def test_the_tower_sees_each_creative_of_a_batch_once() -> None:
    tower = _CountingTower()
    embedder = CreativeEmbedder(tower, PIXELS)
    tower.seen.clear()
    rows = embedder(tf.constant([2, 0, 2, 2, 0], tf.int64), training=False).numpy()
    (seen,) = tower.seen
    assert np.array_equal(seen, PIXELS[[2, 0]])
    alone = tower(tf.constant(PIXELS[[2, 0]])).numpy()
    assert rows == pytest.approx(np.concatenate([alone[[0, 1, 0, 0, 1]], np.ones((5, 1))], -1), abs=1e-5)


def test_rows_without_a_creative_get_none_of_the_towers() -> None:
    embedder = CreativeEmbedder(_CountingTower(), PIXELS)
    rows = embedder(tf.constant([-1, 0, -1], tf.int64), training=False).numpy()
    assert rows[[0, 2]].tolist() == [[0.0] * 6] * 2
    assert rows[1, -1] == 1.0
    assert np.abs(rows[1, :-1]).max() > 0.0


def test_an_empty_store_knows_no_creative() -> None:
    embedder = CreativeEmbedder(_CountingTower(), NO_PIXELS)
    assert not embedder.components().any()  # type: ignore[union-attr]  # it has a tower
    assert embedder(tf.constant([-1, -1], tf.int64), training=False).numpy().tolist() == [[0.0] * 6] * 2


def test_all_embeddings_are_those_of_the_store_in_order() -> None:
    embedder = CreativeEmbedder(_CountingTower(), PIXELS)
    asked = embedder(tf.constant([3, 2, 1, 0], tf.int64), training=False).numpy()[:, :-1]
    assert embedder.all_embeddings().numpy()[::-1] == pytest.approx(asked, abs=1e-5)


def test_a_model_without_images_has_no_creative_embeddings() -> None:
    embedder = CreativeEmbedder(None, NO_PIXELS)
    assert embedder(tf.constant([-1], tf.int64), training=False) is None
    with pytest.raises(ValueError, match="a model without images has no creative embeddings"):
        embedder.all_embeddings()


def test_rows_set_aside_are_never_trained_on_and_the_best_average_is_left() -> None:
    """A row's own embedding moves only by training on that row: Adam leaves a gradient of zero alone."""
    rows, model, embedder = noise_rows(), model_of(), CreativeEmbedder(None, NO_PIXELS)
    predict_logits(model, embedder, rows)  # makes the variables
    before = model._tables["id"].get_weights()[0]
    settings = Trainer(
        min_steps=0,
        epochs=12,
        batch_size=8,
        learning_rate=0.03,
        stopping_share=0.25,
        patience_epochs=3,
        weight_averaging=0.9,
    )
    noted: list[Epoch] = []
    curve = fit(model, embedder, rows, settings, noted.append)
    moved = np.abs(model._tables["id"].get_weights()[0] - before).max(-1) > 1e-5
    assert noted == curve
    assert np.sum(~moved) == 15  # 0.25 · 60
    held = ~moved
    # labels are noise: training goes on getting better, the rows set aside do not, and fitting stops 3 epochs later
    losses = [epoch.stopping_log_loss for epoch in curve]
    best = int(np.argmin(losses))
    assert len(curve) == best + 1 + 3 < settings.epochs
    assert losses[-1] > losses[best] + 0.01
    assert curve[-1].train_log_loss < curve[best].train_log_loss
    left = predict_logits(model, embedder, rows)
    assert log_loss(left[held], rows.label[held]) == pytest.approx(losses[best], abs=1e-5)


def test_without_rows_set_aside_every_row_is_trained_on_to_the_end() -> None:
    rows, model, embedder = noise_rows(), model_of(), CreativeEmbedder(None, NO_PIXELS)
    predict_logits(model, embedder, rows)
    before = model._tables["id"].get_weights()[0]
    settings = Trainer(
        min_steps=0, epochs=3, batch_size=16, stopping_share=0.0, patience_epochs=1, weight_averaging=0.0
    )
    curve = fit(model, embedder, rows, settings, print)
    assert [epoch.epoch for epoch in curve] == [1, 2, 3]
    assert (np.abs(model._tables["id"].get_weights()[0] - before).max(-1) > 1e-5).all()


def test_a_row_of_weight_zero_teaches_nothing() -> None:
    rows, model, embedder = noise_rows(), model_of(), CreativeEmbedder(None, NO_PIXELS)
    rows.weight[:20] = 0.0
    predict_logits(model, embedder, rows)
    before = model._tables["id"].get_weights()[0]
    fit(
        model,
        embedder,
        rows,
        Trainer(min_steps=0, epochs=2, batch_size=16, stopping_share=0.0, weight_averaging=0.0),
        print,
    )
    moved = np.abs(model._tables["id"].get_weights()[0] - before).max(-1) > 1e-5
    assert moved.tolist() == [False] * 20 + [True] * 40


def test_few_rows_are_passed_over_until_there_are_steps_enough() -> None:
    """A row's label is learnt from each pass: 60 rows in batches of 20 are 3 steps a pass, 9 in 3 epochs."""

    class Counting(ClickModel):
        steps = 0

        def call(self, *inputs: object, training: bool = False) -> tf.Tensor:
            if training:
                tf.py_function(self._count, [], [])
            return super().call(*inputs, training=training)

        def _count(self) -> None:
            Counting.steps += 1

    def steps(min_steps: int, last_epoch: int | None = None) -> int:
        Counting.steps = 0
        model = Counting([f"x{i}" for i in range(NUMBERS)], [], MODEL, bias=0.0, rows=ROWS, seed=1)
        settings = Trainer(epochs=3, batch_size=20, stopping_share=0.0, min_steps=min_steps)
        fit(model, CreativeEmbedder(None, NO_PIXELS), noise_rows(), settings, lambda _epoch: None, last_epoch)
        return Counting.steps

    assert steps(0) == steps(9) == 9
    assert steps(10) == 18  # two passes an epoch are the fewest that reach ten
    assert steps(10, last_epoch=2) == 12


@pytest.fixture
def deterministic() -> Iterator[None]:
    """As training runs it; switched off again for the tests that follow."""
    tf.config.experimental.enable_op_determinism()
    yield
    framework_config.disable_op_determinism()


def test_the_seed_decides_every_weight(deterministic: None) -> None:
    def weights(seed: int) -> list[npt.NDArray[np.float32]]:
        keras.utils.set_random_seed(seed)
        settings = Model(cross_layers=1, deep_units=(8,), dropout=0.3)
        model = model_of(seed, settings)
        tower = ImageTower(3, TowerSettings(filters=(4,), dropout=0.3), l2=1e-4, seed=seed)
        fit(
            model,
            CreativeEmbedder(tower, PIXELS),
            noise_rows(),
            Trainer(min_steps=0, epochs=2, batch_size=16, seed=seed),
            print,
        )
        return [*model.get_weights(), *tower.get_weights()]

    first, again, other = weights(7), weights(7), weights(8)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_rows_set_aside_are_those_that_stopping_looked_at() -> None:
    """The calibration bins rely on it where there is no evaluation split."""
    settings = Trainer(stopping_share=0.3, seed=5)
    stopping, training = set_aside(10, settings, np.random.default_rng(5))
    order = np.random.default_rng(5).permutation(10)
    assert stopping.tolist() == sorted(order[:3].tolist())
    assert training.tolist() == order[3:].tolist()
    rows = four_rows([1, 0, 1, 0], [1.0, 2.0, 3.0, 4.0])
    taken = rows.taken(np.array([3, 0]))
    assert (taken.label.tolist(), taken.weight.tolist()) == ([0.0, 1.0], [4.0, 1.0])
    assert all(
        column.numpy().tolist() == tf.gather(rows.inputs[name], [3, 0]).numpy().tolist()
        for name, column in taken.inputs.items()
    )
