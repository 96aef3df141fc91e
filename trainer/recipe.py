"""From rows in memory to a calibrated model: what the Trainer and the benchmarks both do."""

from __future__ import annotations

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
from trainer.calibration import calibrating_shift, calibrating_slope
from trainer.click_model import ClickModel, EmbeddedFeature, embedded_features
from trainer.dataset import Rows
from trainer.effect_prior import effect_prior
from trainer.effect_search import paired_effects
from trainer.fitting import CreativeEmbedder, Epoch, best_epoch, fit, log_loss, predict_logits, set_aside
from trainer.image_tower import ImageTower
from trainer.preprocessing import dense_names


class Trained(NamedTuple):
    """A fitted model with what makes probabilities of its logits."""

    model: ClickModel
    embedder: CreativeEmbedder
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

    def fitted(how: TrainerSettings, last_epoch: int | None) -> tuple[ClickModel, CreativeEmbedder, list[Epoch]]:
        model, embedder = build(table, model_settings, settings, sizes, image, store, rows)
        if start is not None:
            predict_logits(model, embedder, rows.taken(np.zeros(1, np.int64)))  # makes the variables
            start(model, embedder)
        return model, embedder, fit(model, embedder, rows, how, note, last_epoch)

    model, embedder, curve = fitted(settings, None)
    stopping, _ = set_aside(len(rows), settings, np.random.default_rng(settings.seed))
    slope = 1.0
    if settings.calibrate_slope and len(stopping):
        unseen = rows.taken(stopping)
        slope = calibrating_slope(predict_logits(model, embedder, unseen), unseen.label, unseen.weight)
    again: list[Epoch] = []
    if settings.refit and len(stopping):
        model, embedder, again = fitted(settings.model_copy(update={"stopping_share": 0.0}), best_epoch(curve))
    model.multiply_logits(slope)
    shift = calibrating_shift(predict_logits(model, embedder, rows), rows.label, rows.weight)
    return Trained(model, embedder, slope, shift, curve, again)


def vocabularies(table: FeatureTable, transform_output: tft.TFTransformOutput) -> dict[str, list[bytes]]:
    """Values in the order of their ids, by categorical feature."""
    return {
        feature.name: transform_output.vocabulary_by_name(vocabulary_name(feature.name))
        for feature in table.of_kind(Categorical)
    }


def vocabulary_sizes(table: FeatureTable, transform_output: tft.TFTransformOutput) -> dict[str, int]:
    """Without the unknown value, by categorical feature."""
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
) -> tuple[ClickModel, CreativeEmbedder]:
    """An untrained model whose bias is the logit of the training click rate, and the tower's embedder."""
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
    rate = float(np.clip(np.average(rows.label, weights=rows.weight), 1e-4, 1.0 - 1e-4))
    model = ClickModel(
        dense_names(table),
        embedded,
        model_settings,
        bias=float(np.log(rate) - np.log1p(-rate)),
        rows=observations,
        seed=settings.seed,
        effect_priors=priors,
        effects=paired_effects(
            rows,
            dense_names(table),
            embedded,
            priors,
            embedder.components(),
            model_settings,
            settings.seed,
            table.aggregated,
        ),
        creative_features=tower.features if tower is not None else 0,
    )
    return model, embedder


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
            # A row takes the mean of its words' weights, so that a word's effect is its weight over their number.
            length = max(len(words) / max(len(np.unique(of_word)), 1), 1.0)
            priors[one.name] = prior / length**2
        else:
            prior = effect_prior(ids.numpy(), rows.label, rows.weight, settings.embedding_prior, aggregated)
            priors[one.name] = prior
    return priors
