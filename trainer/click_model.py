"""The click model: DCN-v2 over columns and the creative's embedding, with a linear term beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from configs.features import EMBEDDED_KINDS, AnyFeature, Bucketized, Categorical, FeatureTable, Hashed, Text
from configs.settings import Model
from trainer.cross_network import CrossLayer


class EmbeddedFeature(NamedTuple):
    """A feature that becomes an embedding."""

    name: str
    size: int
    """Rows of the table, the one for unknown values included."""
    dim: int
    is_text: bool


def embedded_features(table: FeatureTable, vocabulary_sizes: Mapping[str, int]) -> list[EmbeddedFeature]:
    """Embedded features in the table's order; `vocabulary_sizes` by categorical feature, without the unknown value."""
    return [
        EmbeddedFeature(
            feature.name,
            _table_size(feature, vocabulary_sizes),
            feature.embedding_dim,
            isinstance(feature, Text),
        )
        for feature in table.of_kind(*EMBEDDED_KINDS)
    ]


def _table_size(feature: AnyFeature, vocabulary_sizes: Mapping[str, int]) -> int:
    if isinstance(feature, Categorical):
        return vocabulary_sizes[feature.name] + 1
    if isinstance(feature, Bucketized):
        return feature.buckets + 1
    if isinstance(feature, Hashed | Text):
        return feature.buckets
    raise TypeError(f"feature {feature.name!r} of kind {feature.kind!r} has no embedding")


class ClickModel(keras.Model):
    """logit = linear(x) + w · [cross(x), deep(x)], with x the concatenation of numbers, embeddings and creative.

    Cross and deep towers in parallel as in figure 1(b) of Wang et al. 2021, "DCN V2", doi 10.1145/3442381.3450078. Each
    embedded feature also has a one-dimensional weight of its own (the wide part of Cheng et al. 2016,
    arXiv:1606.07792).
    """

    def __init__(
        self,
        dense: list[str],
        embedded: list[EmbeddedFeature],
        settings: Model,
        bias: float,
        rows: int,
        seed: int,
    ) -> None:
        """`bias`: logit of the training click rate. `rows`: training rows, which share the embeddings' prior."""
        super().__init__()
        self._dense_names = dense
        self._embedded = embedded
        prior = keras.regularizers.L2(settings.embedding_prior / max(rows, 1))
        self._tables = {
            one.name: keras.layers.Embedding(
                one.size,
                one.dim,
                embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=seed + index),
                embeddings_regularizer=prior,
            )
            for index, one in enumerate(embedded)
        }
        self._weights_of = {
            one.name: keras.layers.Embedding(one.size, 1, embeddings_initializer="zeros", embeddings_regularizer=prior)
            for one in embedded
        }
        self._crosses = [CrossLayer(settings.l2, seed + index) for index in range(settings.cross_layers)]
        l2 = keras.regularizers.L2(settings.l2)
        self._deep = [
            keras.layers.Dense(
                units,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seed + index),
                kernel_regularizer=l2,
            )
            for index, units in enumerate(settings.deep_units)
        ]
        self._dropout = keras.layers.Dropout(settings.dropout, seed=seed)
        self._out = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
            kernel_regularizer=l2,
            bias_initializer=keras.initializers.Constant(bias),
            dtype="float32",
        )

    def call(
        self, inputs: Mapping[str, tf.Tensor], creative: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """inputs: transformed columns, [batch] each (text: ragged [batch, (words)]); creative: [batch, dim + 1].

        Returns logits [batch].
        """
        parts = (
            [tf.stack([tf.cast(inputs[name], tf.float32) for name in self._dense_names], -1)]
            if self._dense_names
            else []
        )
        wide = []
        for one in self._embedded:
            parts.append(_embed(self._tables[one.name], inputs[one.name]))
            wide.append(_embed(self._weights_of[one.name], inputs[one.name]))
        if creative is not None:
            parts.append(creative)
        features = tf.concat(parts, -1)  # [B, d]
        crossed = features
        for layer in self._crosses:
            crossed = layer((features, crossed))
        deep = features
        for layer in self._deep:
            deep = self._dropout(layer(deep), training=training)
        logits = self._out(tf.concat([crossed, deep], -1))  # [B, 1]
        if wide:
            logits = tf.cast(logits, tf.float32) + tf.cast(tf.add_n(wide), tf.float32)
        return tf.squeeze(logits, -1)


def _embed(table: keras.layers.Embedding, ids: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    """[batch] ids to [batch, dim]; ragged words to the mean of their embeddings, zeros for none."""
    if isinstance(ids, tf.RaggedTensor):
        mean = tf.reduce_mean(table(ids), axis=1)
        return tf.where(tf.math.is_nan(mean), tf.zeros_like(mean), mean)
    return table(ids)
