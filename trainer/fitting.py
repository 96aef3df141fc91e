"""Fits the click model: distinct creatives once per batch, averaged weights, stopping on rows set aside."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from configs.settings import Trainer as TrainerSettings
from trainer.click_model import ClickModel
from trainer.dataset import Rows
from trainer.image_statistics import image_statistics
from trainer.image_tower import ImageTower

PREDICT_BATCH = 8192
TOWER_BATCH = 1024


class Epoch(NamedTuple):
    """One line of the training curve."""

    epoch: int
    train_log_loss: float
    stopping_log_loss: float | None
    """On the rows set aside; None where there are none."""
    seconds: float


class CreativeEmbedder:
    """Creatives to embeddings, with a flag for those the store knows. Without a tower the model has columns only."""

    def __init__(self, tower: ImageTower | None, pixels: npt.NDArray[np.uint8]) -> None:
        """pixels: [creatives, px, px, 3]"""
        self.tower = tower
        if tower is None:
            return
        # An empty store still needs a row to gather from; its flag is 0 wherever it is used.
        self._pixels = tf.constant(pixels if len(pixels) else np.zeros((1, *pixels.shape[1:]), np.uint8))
        parts = [image_statistics(self._pixels[i : i + TOWER_BATCH]) for i in range(0, len(self._pixels), TOWER_BATCH)]
        self._statistics = tf.concat(parts, 0)
        tower(self._pixels[:1])
        tower.adapt(self._statistics)

    def __call__(self, index: tf.Tensor, training: bool) -> tf.Tensor | None:
        """index: int64 [batch], -1 for none. Returns [batch, dim + 1]; the tower runs once per distinct creative."""
        if self.tower is None:
            return None
        distinct, position = tf.unique(index)
        rows = tf.maximum(distinct, 0)
        embedded = self.tower(tf.gather(self._pixels, rows), tf.gather(self._statistics, rows), training=training)
        return with_flag(tf.gather(embedded, position), index >= 0)

    def components(self) -> npt.NDArray[np.float32] | None:
        """Principal components of every stored creative's statistics, [creatives, features]; None without a tower."""
        if self.tower is None:
            return None
        return self.tower.components(self._statistics).numpy()  # type: ignore[no-any-return]  # TensorFlow has no types

    def all_embeddings(self) -> tf.Tensor:
        """Embedding of every stored creative, [creatives, dim]."""
        if self.tower is None:
            raise ValueError("a model without images has no creative embeddings")
        starts = range(0, len(self._pixels), TOWER_BATCH)
        return tf.concat(
            [self.tower(self._pixels[i : i + TOWER_BATCH], self._statistics[i : i + TOWER_BATCH]) for i in starts],
            0,
        )


def with_flag(embedding: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """[batch, dim] and boolean [batch] to [batch, dim + 1]: zeros and a 0 where there is no creative."""
    flag = tf.cast(known, tf.float32)[:, tf.newaxis]
    return tf.concat([tf.cast(embedding, tf.float32) * flag, flag], -1)


class AveragedWeights:
    """Exponential moving average of weights (Polyak and Juditsky 1992), shorter at the start."""

    def __init__(self, variables: list[tf.Variable], decay: float) -> None:
        """`decay` per step; 0 keeps the latest weights."""
        self._variables, self._decay = variables, decay
        self._averages = [tf.Variable(variable, trainable=False) for variable in variables]
        self._steps = tf.Variable(0.0, trainable=False)

    def update(self) -> None:
        """After each step."""
        self._steps.assign_add(1.0)
        decay = tf.minimum(self._decay, (1.0 + self._steps) / (10.0 + self._steps))
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign(decay * average + (1.0 - decay) * variable)

    def swap(self) -> None:
        """Exchanges the averages and the weights in training."""
        for average, variable in zip(self._averages, self._variables, strict=True):
            held = tf.identity(variable)
            variable.assign(average)
            average.assign(held)


def fit(
    model: ClickModel,
    embedder: CreativeEmbedder,
    rows: Rows,
    settings: TrainerSettings,
    note: Callable[[Epoch], None],
    last_epoch: int | None = None,
) -> list[Epoch]:
    """Trains in place and leaves the best averaged weights in the model. Returns the training curve.

    `last_epoch` ends training there, with the learning rate that all of `settings.epochs` would have had.
    """
    generator = np.random.default_rng(settings.seed)
    stopping, training = set_aside(len(rows), settings, generator)
    held = len(stopping)
    steps_per_pass = math.ceil(len(training) / settings.batch_size)
    passes = max(1, math.ceil(settings.min_steps / (settings.epochs * steps_per_pass)))
    steps = settings.epochs * passes * steps_per_pass
    optimizer = keras.optimizers.Adam(
        _WarmUpCosine(settings.learning_rate, steps, settings.warmup_share), jit_compile=False
    )
    batch_logits = _batch_logits(model, embedder, rows)
    batch_logits(tf.constant(training[:1]), training=False)  # makes the variables
    forward = _forward(batch_logits)
    layers: list[keras.layers.Layer] = [model]
    if embedder.tower is not None and model.creative_in_towers:
        layers.append(embedder.tower)
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    optimizer.build(variables)
    averages = AveragedWeights(variables, settings.weight_averaging)
    label, weight = tf.constant(rows.label), tf.constant(rows.weight)

    # The step has no control flow of Python's, and AutoGraph would spend seconds looking for it.
    @tf.function(  # type: ignore[untyped-decorator]  # TensorFlow ships no types
        input_signature=[tf.TensorSpec([None], tf.int64)], autograph=False
    )
    def step(batch: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = batch_logits(batch, training=True)
            loss = log_loss(logits, tf.gather(label, batch), tf.gather(weight, batch))
            penalty = tf.add_n([term for layer in layers for term in layer.losses])
            objective = loss + penalty
        gradients = tape.gradient(objective, variables)
        optimizer.apply_gradients(
            (tf.convert_to_tensor(gradient), variable) for gradient, variable in zip(gradients, variables, strict=True)
        )
        averages.update()
        return loss

    curve: list[Epoch] = []
    best_weights = [variable.numpy() for variable in variables]
    for number in range(1, (last_epoch or settings.epochs) + 1):
        started = time.monotonic()
        losses = [
            step(tf.constant(batch))
            for _ in range(passes)
            for batch in _batches(generator.permutation(training), settings.batch_size)
        ]
        train_loss = float(np.mean([loss.numpy() for loss in losses]))
        averages.swap()
        stopping_loss = _stopping_loss(forward, rows, stopping) if held else None
        curve.append(Epoch(number, train_loss, stopping_loss, time.monotonic() - started))
        if best_epoch(curve) == number:
            best_weights = [variable.numpy() for variable in variables]
        averages.swap()
        note(curve[-1])
        if number - best_epoch(curve) >= settings.patience_epochs:
            break
    for variable, value in zip(variables, best_weights, strict=True):
        variable.assign(value)
    return curve


def best_epoch(curve: list[Epoch]) -> int:
    """Number of the first epoch with the least loss on the rows set aside; the last epoch's where there were none."""
    losses = [(epoch.stopping_log_loss, epoch.epoch) for epoch in curve if epoch.stopping_log_loss is not None]
    return min(losses)[1] if losses else curve[-1].epoch


def set_aside(
    rows: int, settings: TrainerSettings, generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the rows that only say when to stop, in order, and of those to train on, shuffled."""
    order = generator.permutation(rows)
    held = min(round(rows * settings.stopping_share), rows - 1)
    return np.sort(order[:held]), order[held:]


def predict_logits(model: ClickModel, embedder: CreativeEmbedder, rows: Rows) -> npt.NDArray[np.float32]:
    """Logits of all rows, [rows]."""
    return _predict(_forward(_batch_logits(model, embedder, rows)), np.arange(len(rows)))


def log_loss(logits: tf.Tensor, label: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Weighted mean in nats, a scalar; 0 where nothing has weight. All are float32 [rows]."""
    losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logits)  # [batch]
    return tf.math.divide_no_nan(tf.reduce_sum(losses * weight), tf.reduce_sum(weight))


class _WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to the peak, then half a cosine down to 0."""

    def __init__(self, peak: float, steps: int, warmup_share: float) -> None:
        self._peak, self._steps, self._warmup = peak, float(steps), max(1.0, steps * warmup_share)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        now = tf.cast(step, tf.float32) + 1.0
        rest = tf.clip_by_value((now - self._warmup) / tf.maximum(self._steps - self._warmup, 1.0), 0.0, 1.0)
        return self._peak * tf.minimum(now / self._warmup, 0.5 * (1.0 + tf.cos(math.pi * rest)))

    def get_config(self) -> dict[str, float]:
        return {"peak": self._peak, "steps": self._steps, "warmup": self._warmup}


def _batch_logits(model: ClickModel, embedder: CreativeEmbedder, rows: Rows) -> Callable[..., tf.Tensor]:
    creative = tf.constant(rows.creative)

    def logits(batch: tf.Tensor, training: bool) -> tf.Tensor:
        inputs = {name: tf.gather(column, batch) for name, column in rows.inputs.items()}
        return model(inputs, embedder(tf.gather(creative, batch), training), training=training)  # [batch]

    return logits


def _stopping_loss(forward: Callable[[tf.Tensor], tf.Tensor], rows: Rows, stopping: npt.NDArray[np.int64]) -> float:
    logits = _predict(forward, stopping)
    return float(log_loss(logits, rows.label[stopping], rows.weight[stopping]).numpy())


def _forward(batch_logits: Callable[..., tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Logits without dropout, as one graph."""
    return tf.function(  # type: ignore[no-any-return]  # TensorFlow ships no types
        lambda batch: batch_logits(batch, training=False),
        input_signature=[tf.TensorSpec([None], tf.int64)],
        autograph=False,
    )


def _predict(forward: Callable[[tf.Tensor], tf.Tensor], index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return np.concatenate([forward(tf.constant(batch)).numpy() for batch in _batches(index, PREDICT_BATCH)])


def _batches(index: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(index), size):
        yield index[start : start + size]
