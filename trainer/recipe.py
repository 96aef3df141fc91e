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
from trainer.click_model import ClickModel, embedded_features
from trainer.dataset import Rows
from trainer.fitting import CreativeEmbedder, Epoch, calibrating_shift, fit, predict_logits
from trainer.image_tower import ImageTower
from trainer.preprocessing import dense_names


class Trained(NamedTuple):
    """A fitted model with what makes probabilities of its logits."""

    model: ClickModel
    embedder: CreativeEmbedder
    shift: float
    curve: list[Epoch]

    def probabilities(self, rows: Rows) -> npt.NDArray[np.float32]:
        """As the exported model computes them, [rows]."""
        logits = tf.constant(predict_logits(self.model, self.embedder, rows))
        return tf.sigmoid(logits + tf.constant(self.shift, tf.float32)).numpy()  # type: ignore[no-any-return]  # TensorFlow has no types


def train(
    rows: Rows,
    table: FeatureTable,
    sizes: Mapping[str, int],
    store: CreativePixels,
    model_settings: Model,
    settings: TrainerSettings,
    note: Callable[[Epoch], None] = lambda _epoch: None,
) -> Trained:
    """`sizes`: of the vocabularies, by categorical feature. The seed decides every weight."""
    image = table.image if model_settings.use_images else None
    model, embedder = build(table, model_settings, settings, sizes, image, store, rows)
    curve = fit(model, embedder, rows, settings, note)
    return Trained(model, embedder, calibrating_shift(predict_logits(model, embedder, rows), rows), curve)


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
    rate = float(np.clip(np.average(rows.label, weights=rows.weight), 1e-4, 1.0 - 1e-4))
    model = ClickModel(
        dense_names(table),
        embedded_features(table, sizes),
        model_settings,
        bias=float(np.log(rate) - np.log1p(-rate)),
        rows=len(rows),
        seed=settings.seed,
    )
    tower = None
    if image is not None:
        tower = ImageTower(image.embedding_dim, model_settings.image_tower, model_settings.l2, settings.seed)
    return model, CreativeEmbedder(tower, store.pixels)
