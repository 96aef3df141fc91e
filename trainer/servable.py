"""The exported model: raw columns in, click probability out, whatever the client speaks."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import STRING_KINDS, AnyFeature, FeatureTable, Timestamp
from trainer.click_model import ClickModel
from trainer.fitting import with_flag
from trainer.image_graph import normalise_image
from trainer.image_tower import ImageTower

PROBABILITY = "click_probability"
MISSING_INT64 = -(1 << 63)
"""In the `predict` signature "" is a missing string, NaN a missing number, and this a missing integer."""


class ServableCreatives(tf.Module):
    """Known creatives by lookup, new ones by the tower."""

    def __init__(self, keys: tuple[str, ...], embeddings: tf.Tensor, tower: ImageTower, image_px: int) -> None:
        """embeddings: [creatives, dim], in the order of `keys`."""
        super().__init__()
        self._tower, self._image_px = tower, image_px
        rows = tf.range(len(keys), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys, tf.string), rows)
        self._index = tf.lookup.StaticHashTable(initializer, default_value=-1)
        self._embeddings = tf.Variable(embeddings, trainable=False, name="creative_embeddings")

    def __call__(self, key: tf.Tensor, encoded: tf.Tensor) -> tf.Tensor:
        """key, encoded: string [batch]. Returns [batch, dim + 1]; only new creatives are decoded."""
        index = self._index.lookup(key)
        # Training knows no creative in a row that names none; an empty store's one stand-in has that key.
        known = tf.logical_and(index >= 0, tf.strings.length(key) > 0)
        embedding = tf.gather(self._embeddings, tf.maximum(index, 0))  # [B, dim]
        new = tf.logical_and(~known, tf.strings.length(encoded) > 0)
        embedding = tf.cond(tf.reduce_any(new), lambda: self._with_new(embedding, encoded, new), lambda: embedding)
        return with_flag(embedding, tf.logical_or(known, new))

    def _with_new(self, embedding: tf.Tensor, encoded: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        pixels = tf.map_fn(
            lambda image: normalise_image(image, self._image_px),
            tf.boolean_mask(encoded, new),
            fn_output_signature=tf.TensorSpec([self._image_px, self._image_px, 3], tf.uint8),
        )  # [new, px, px, 3]
        return tf.tensor_scatter_nd_update(embedding, tf.where(new), tf.cast(self._tower(pixels), embedding.dtype))


class Servable(tf.Module):
    """Transform graph, creatives and click model under TF Serving's signatures."""

    def __init__(
        self,
        table: FeatureTable,
        transform_output: tft.TFTransformOutput,
        model: ClickModel,
        creatives: ServableCreatives | None,
        shift: float,
    ) -> None:
        """`shift` is added to the logits (see `calibrating_shift`)."""
        super().__init__()
        self._table = table
        self._inputs = [one for one in table.model_inputs if creatives is not None or one is not table.image]
        spec = transform_output.raw_feature_spec()
        self._raw_spec = {feature.name: spec[feature.name] for feature in self._inputs}
        self._transform = transform_output.transform_features_layer()
        self._model, self._creatives = model, creatives
        self._shift = tf.constant(shift, tf.float32)

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """serving_default and transform_features take serialized Examples; predict takes one tensor per column."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        columns = {one.request_name: tf.TensorSpec([None], _dtype(one), name=one.request_name) for one in self._inputs}
        image = self._table.image
        if self._creatives is not None and image is not None:
            columns[image.bytes_name] = tf.TensorSpec([None], tf.string, name=image.bytes_name)
        return {
            "serving_default": _graph(self._predict_examples).get_concrete_function(examples),
            "predict": _graph(self._predict_columns).get_concrete_function(**columns),
            "transform_features": _graph(self._transform_examples).get_concrete_function(examples),
        }

    def _predict_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw, encoded = self._parse(examples)
        return {PROBABILITY: self._probability(raw, encoded)}

    def _predict_columns(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
        image = self._table.image
        encoded = None
        if self._creatives is not None and image is not None:
            encoded = columns.pop(image.bytes_name)
        raw = {feature.name: _sparse(columns[feature.request_name]) for feature in self._inputs}
        return {PROBABILITY: self._probability(raw, encoded)}

    def _transform_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw, _ = self._parse(examples)
        transformed = self._transform(raw)
        return {
            name: tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in transformed.items()
        }

    def _parse(self, examples: tf.Tensor) -> tuple[dict[str, tf.SparseTensor], tf.Tensor | None]:
        spec = dict(self._raw_spec)
        image = self._table.image
        if self._creatives is None or image is None:
            return tf.io.parse_example(examples, spec), None
        spec[image.bytes_name] = tf.io.FixedLenFeature([], tf.string, default_value="")
        raw = tf.io.parse_example(examples, spec)
        encoded = raw.pop(image.bytes_name)
        return raw, encoded

    def _probability(self, raw: dict[str, tf.SparseTensor], encoded: tf.Tensor | None) -> tf.Tensor:
        """[batch]"""
        transformed = self._transform(raw)
        creative = None
        image = self._table.image
        if self._creatives is not None and image is not None:
            creative = self._creatives(transformed.pop(image.name), encoded)
        inputs = {
            name: tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in transformed.items()
        }
        return tf.sigmoid(self._model(inputs, creative) + self._shift)


def _graph(function: Callable[..., dict[str, tf.Tensor]]) -> tf.types.experimental.PolymorphicFunction:
    """Without AutoGraph: the model has no control flow of Python's, and the search for it is most of an export."""
    return tf.function(function, autograph=False)


def _dtype(feature: AnyFeature) -> tf.DType:
    if isinstance(feature, STRING_KINDS):
        return tf.string
    return tf.int64 if isinstance(feature, Timestamp) else tf.float32


def _sparse(column: tf.Tensor) -> tf.SparseTensor:
    """[batch] with missing values marked to a SparseTensor [batch, 1] without them."""
    if column.dtype == tf.string:
        present = tf.strings.length(column) > 0
    elif column.dtype == tf.int64:
        present = tf.not_equal(column, MISSING_INT64)
    else:
        present = ~tf.math.is_nan(column)
    rows = tf.where(present)  # [present, 1]
    indices = tf.concat([rows, tf.zeros_like(rows)], -1)
    return tf.SparseTensor(indices, tf.boolean_mask(column, present), [tf.size(column, tf.int64), 1])
