"""From rows in memory to a calibrated model: what the Trainer and the benchmarks both do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components.creative_gen.store import CreativePixels
from configs.features import Categorical, FeatureTable, Image
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from trainer.analysis import vocabulary_name
from trainer.calibration import TOWERS_SHARE, blending_share, calibrating_shift, calibrating_slope
from trainer.click_model import ClickModel, EmbeddedFeature, embedded_features
from trainer.dataset import Rows
from trainer.effect_prior import effect_prior
from trainer.effect_search import wide_part
from trainer.fitting import CreativeEmbedder, Epoch, best_epoch, fit, log_loss, predict_logits, set_aside
from trainer.image_tower import ImageTower
from trainer.new_values import settle_new_values
from trainer.preprocessing import dense_names
from trainer.wide_part import WidePart, WideWeights, fit_wide


class _Fitted(NamedTuple):
    model: ClickModel
    embedder: CreativeEmbedder
    part: WidePart
    wide: WideWeights
    """The wide part's optimum; the model's own weights were trained together with its towers."""
    curve: list[Epoch]


class Trained(NamedTuple):
    """A fitted model with what makes probabilities of its logits."""

    model: ClickModel
    embedder: CreativeEmbedder
    towers_share: float
    """Of the model trained with towers, against the wide part alone; within the weights already."""
    slope: float
    """Within the model's weights already."""
    shift: float
    """To be added to the logits."""
    curve: list[Epoch]
    refit: list[Epoch]
    """Having learnt when to stop, on all rows; empty without."""

    def probabilities(self, rows: Rows) -> npt.NDArray[np.float32]:
        """As the exported model computes them, [rows]."""
        logits = tf.constant(predict_logits(self.model, self.embedder, rows))
        return tf.sigmoid(logits + tf.constant(self.shift, tf.float32)).numpy()  # type: ignore[no-any-return]  # TensorFlow has no types

    def log_loss(self, rows: Rows) -> float:
        """Weighted mean over the rows, in nats."""
        logits = tf.constant(predict_logits(self.model, self.embedder, rows) + np.float32(self.shift))
        return float(log_loss(logits, tf.constant(rows.label), tf.constant(rows.weight)).numpy())


def train(
    rows: Rows,
    table: FeatureTable,
    sizes: Mapping[str, int],
    store: CreativePixels,
    model_settings: Model,
    settings: TrainerSettings,
    note: Callable[[Epoch], None] = lambda _epoch: None,
    start: Callable[[ClickModel, CreativeEmbedder], object] | None = None,
) -> Trained:
    """`sizes`: of the vocabularies, by categorical feature. The seed decides every weight.

    `start` may give the untrained model other weights than the seed's.
    """
    image = table.image if model_settings.use_images else None
    stopping, training = set_aside(len(rows), settings, np.random.default_rng(settings.seed))

    def fitted(
        how: TrainerSettings, wide_rows: Rows, last_epoch: int | None = None, known: WidePart | None = None
    ) -> _Fitted:
        model, embedder, part = build(table, model_settings, settings, sizes, image, store, rows, known)
        predict_logits(model, embedder, rows.taken(np.zeros(1, np.int64)))  # makes the variables
        if start is not None:
            start(model, embedder)
        wide = fit_wide(part, model, embedder, wide_rows, table.aggregated)
        if model.has_towers and last_epoch != 0:
            return _Fitted(model, embedder, part, wide, fit(model, embedder, rows, how, note, last_epoch))
        return _Fitted(
            model, embedder, part, wide, [_single_epoch(part, wide, embedder, wide_rows, rows, stopping, how)]
        )

    model, embedder, part, wide, curve = fitted(settings, rows.taken(np.sort(training)))
    slope, share = 1.0, TOWERS_SHARE if model.has_towers else 0.0
    if len(stopping):
        unseen = rows.taken(stopping)
        alone = wide.logits(part, unseen, embedder.components())
        together = predict_logits(model, embedder, unseen)
        if model.has_towers:
            share = blending_share(alone, together, unseen.label, unseen.weight)
        if settings.calibrate_slope:
            blended = ((1.0 - share) * alone + share * together).astype(np.float32)
            slope = calibrating_slope(blended, unseen.label, unseen.weight)
    again: list[Epoch] = []
    if settings.refit and len(stopping):
        everything = settings.model_copy(update={"stopping_share": 0.0})
        epochs = best_epoch(curve) if share > 0.0 else 0
        model, embedder, _, wide, again = fitted(everything, rows, epochs, part)
    model.blend(wide.bias, wide.weights, share)
    model.multiply_logits(slope)
    shift = calibrating_shift(predict_logits(model, embedder, rows), rows.label, rows.weight)
    settle_new_values(model, embedder, rows, shift, settings.seed)
    return Trained(model, embedder, share, slope, shift, curve, again)


def _single_epoch(
    part: WidePart,
    wide: WideWeights,
    embedder: CreativeEmbedder,
    training: Rows,
    rows: Rows,
    stopping: npt.NDArray[np.int64],
    settings: TrainerSettings,
) -> Epoch:
    """The curve of a wide part alone, which is at its optimum at once."""
    started = time.monotonic()

    def loss(of: Rows) -> float:
        logits = wide.logits(part, of, embedder.components()).astype(np.float32)
        return float(log_loss(tf.constant(logits), tf.constant(of.label), tf.constant(of.weight)).numpy())

    held = loss(rows.taken(stopping)) if settings.stopping_share and len(stopping) else None
    return Epoch(1, loss(training), held, time.monotonic() - started)


def vocabularies(table: FeatureTable, transform_output: tft.TFTransformOutput) -> dict[str, list[bytes]]:
    """Values in the order of their ids, by categorical feature."""
    return {
        feature.name: transform_output.vocabulary_by_name(vocabulary_name(feature.name))
        for feature in table.of_kind(Categorical)
    }


def vocabulary_sizes(table: FeatureTable, transform_output: tft.TFTransformOutput) -> dict[str, int]:
    """Frequent values, by categorical feature."""
    return {
        feature.name: transform_output.vocabulary_size_by_name(vocabulary_name(feature.name))
        for feature in table.of_kind(Categorical)
    }


def build(
    table: FeatureTable,
    model_settings: Model,
    settings: TrainerSettings,
    sizes: Mapping[str, int],
    image: Image | None,
    store: CreativePixels,
    rows: Rows,
    part: WidePart | None = None,
) -> tuple[ClickModel, CreativeEmbedder, WidePart]:
    """An untrained model whose bias is the logit of the training click rate, the tower's embedder, and the wide part.

    `part`: what an earlier call found in these rows.
    """
    embedded = embedded_features(table, sizes)
    # A weight tells how much a row matters and is no count of observations, unless it counts impressions.
    observations = round(float(rows.weight.sum())) if table.aggregated else len(rows)
    tower = None
    if image is not None:
        tower = ImageTower(
            image.embedding_dim,
            model_settings.image_tower,
            model_settings.layer_prior / max(observations, 1),
            settings.seed,
        )
    embedder = CreativeEmbedder(tower, store.pixels)
    priors = _effect_priors(embedded, rows, model_settings, table.aggregated)
    dense, components = dense_names(table), embedder.components()
    if part is None:
        part = wide_part(rows, dense, embedded, priors, components, model_settings, settings.seed, table.aggregated)
    if tower is not None and part.creative_turn is not None:
        tower.turn(part.creative_turn)
    rate = float(np.clip(np.average(rows.label, weights=rows.weight), 1e-4, 1.0 - 1e-4))
    model = ClickModel(
        dense,
        embedded,
        model_settings,
        bias=float(np.log(rate) - np.log1p(-rate)),
        rows=observations,
        seed=settings.seed,
        effect_priors=priors,
        effects=part.effects,
        creative_features=tower.features if tower is not None else 0,
        # What a picture's statistics do not show on their own, an embedding of them would make up, and what they show
        # with another feature has its weights in the wide part. Convolutions see more.
        creative_in_towers=part.creative_tells or bool(model_settings.image_tower.filters),
    )
    return model, embedder, part


def _effect_priors(embedded: list[EmbeddedFeature], rows: Rows, settings: Model, aggregated: bool) -> dict[str, float]:
    if not settings.estimate_priors:
        return {}
    priors = {}
    for one in embedded:
        ids = rows.inputs[one.name]
        if isinstance(ids, tf.RaggedTensor):
            of_word, words = ids.value_rowids().numpy(), ids.flat_values.numpy()
            label, weight = rows.label[of_word], rows.weight[of_word]
            prior = effect_prior(words, label, weight, settings.embedding_prior, aggregated)
            # A row takes the sum of its words' weights over √words, so that a word's effect is its weight over that.
            length = max(len(words) / max(len(np.unique(of_word)), 1), 1.0)
            priors[one.name] = prior / length
        else:
            prior = effect_prior(ids.numpy(), rows.label, rows.weight, settings.embedding_prior, aggregated)
            priors[one.name] = prior
    return priors
