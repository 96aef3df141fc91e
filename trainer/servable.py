"""The exported model: raw columns in, click probability out, whatever the client speaks."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import STRING_KINDS, AnyFeature, FeatureTable, Timestamp
from trainer.calibration_bins import CalibrationBins
from trainer.click_model import ClickModel
from trainer.fitting import with_flag
from trainer.image_tower import ImageTower
from trainer.readable_images import decode_readable
from trainer.signature_names import (
    CALIBRATION,
    CLICKS,
    CREATIVE_STATUS,
    IMAGE,
    IMPRESSIONS,
    KNOWN,
    MISSING_INT64,
    PROBABILITY,
    SCORE_UPPER_BOUNDS,
    UNKNOWN,
    UNREADABLE,
)
from trainer.string_columns import StringColumns


class ServableCreatives(tf.Module):
    """Known creatives by lookup, new ones by the tower."""

    def __init__(self, keys: tuple[str, ...], embeddings: tf.Tensor, tower: ImageTower, image_px: int) -> None:
        """embeddings: [creatives, dim], in the order of `keys`."""
        super().__init__()
        self._image_px = image_px
        tower(tf.zeros([1, image_px, image_px, 3], tf.uint8))  # makes its variables
        # The layer itself would be saved with a graph for each of its layers, which takes longer than all else.
        self._weights, self._tower = tower.variables, tower.__call__
        rows = tf.range(len(keys), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys, tf.string), rows)
        self._index = tf.lookup.StaticHashTable(initializer, default_value=-1)
        self._embeddings = tf.Variable(embeddings, trainable=False, name="creative_embeddings")

    def __call__(self, key: tf.Tensor, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """key, encoded: string [batch]. Only new creatives are decoded.

        Returns [batch, dim + 1] and the status of each (trainer/signature_names.py), string [batch].
        """
        index = self._index.lookup(key)
        # Training knows no creative in a row that names none; an empty store's one stand-in has that key.
        known = tf.logical_and(index >= 0, tf.not_equal(key, ""))
        embedding = tf.gather(self._embeddings, tf.maximum(index, 0))  # [B, dim]
        given = tf.not_equal(encoded, "")
        new = tf.logical_and(~known, given)
        embedding, used = tf.cond(
            tf.reduce_any(new), lambda: self._with_new(embedding, encoded, known, new), lambda: (embedding, known)
        )
        status = tf.where(known, KNOWN, tf.where(used, IMAGE, tf.where(given, UNREADABLE, UNKNOWN)))
        return with_flag(embedding, used), status

    def _with_new(
        self, embedding: tf.Tensor, encoded: tf.Tensor, known: tf.Tensor, new: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Puts the readable ones' embeddings into their rows. Returns which rows have a creative beside, [batch]."""
        rows = tf.where(new)  # [new, 1]
        positions, pixels = decode_readable(tf.gather_nd(encoded, rows), self._image_px)
        readable = tf.gather(rows, positions)  # [readable, 1]
        embedded = self._tower(pixels)[: tf.size(positions)]
        embedding = tf.tensor_scatter_nd_update(embedding, readable, tf.cast(embedded, embedding.dtype))
        marks = tf.scatter_nd(readable, tf.ones_like(positions, tf.int32), tf.shape(new, tf.int64))  # [batch]
        return embedding, tf.logical_or(known, marks > 0)


class Servable(tf.Module):
    """Transform graph, creatives and click model under TF Serving's signatures."""

    def __init__(
        self,
        table: FeatureTable,
        transform_output: tft.TFTransformOutput,
        model: ClickModel,
        creatives: ServableCreatives | None,
        shift: float,
        bins: CalibrationBins,
    ) -> None:
        """`shift` is added to the logits (see trainer/calibration.py); `bins` are of scores with it."""
        super().__init__()
        self._table = table
        self._inputs = [one for one in table.model_inputs if creatives is not None or one is not table.image]
        spec = transform_output.raw_feature_spec()
        self._raw_spec = {feature.name: spec[feature.name] for feature in self._inputs}
        self._transform = transform_output.transform_features_layer()
        self._strings = StringColumns(self._inputs, table, transform_output)
        self._creatives = creatives
        # The model itself would be saved with a graph for each of its layers, which takes longer than all else.
        self._weights, self._model = model.variables, model.__call__
        self._shift = tf.constant(shift, tf.float32)
        self._bins = bins

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """serving_default and transform_features take Examples, predict a tensor per column, calibration nothing."""
        examples = tf.TensorSpec([None], tf.string, name="examples")
        columns = {one.request_name: tf.TensorSpec([None], _dtype(one), name=one.request_name) for one in self._inputs}
        image = self._table.image
        if self._creatives is not None and image is not None:
            columns[image.bytes_name] = tf.TensorSpec([None], tf.string, name=image.bytes_name)
        return {
            "serving_default": _graph(self._predict_examples).get_concrete_function(examples),
            "predict": _graph(self._predict_columns).get_concrete_function(**columns),
            "transform_features": _graph(self._transform_examples).get_concrete_function(examples),
            CALIBRATION: _graph(self._calibration).get_concrete_function(),
        }

    def _predict_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw, encoded = self._parse(examples)
        answer = self._answer(self._transform(raw), encoded)
        return {PROBABILITY: answer[PROBABILITY]}  # the evaluator takes a signature of one output

    def _predict_columns(self, **columns: tf.Tensor) -> dict[str, tf.Tensor]:
        image = self._table.image
        encoded = None
        if self._creatives is not None and image is not None:
            encoded = columns.pop(image.bytes_name)
        numbers = [one for one in self._inputs if not isinstance(one, STRING_KINDS)]
        raw = {feature.name: _sparse(columns[feature.request_name]) for feature in numbers}
        transformed = self._transform(raw) if raw else {}
        return self._answer({**transformed, **self._strings(columns)}, encoded)

    def _transform_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw, _ = self._parse(examples)
        transformed = self._transform(raw)
        return {
            name: tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in transformed.items()
        }

    def _calibration(self) -> dict[str, tf.Tensor]:
        return {
            SCORE_UPPER_BOUNDS: tf.constant(self._bins.score_upper_bounds),
            IMPRESSIONS: tf.constant(self._bins.impressions),
            CLICKS: tf.constant(self._bins.clicks),
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

    def _answer(self, transformed: dict[str, tf.Tensor], encoded: tf.Tensor | None) -> dict[str, tf.Tensor]:
        """transformed: preprocessing's outputs. Returns the outputs of `predict`, [batch] each."""
        answer = {}
        creative = None
        image = self._table.image
        if self._creatives is not None and image is not None:
            creative, answer[CREATIVE_STATUS] = self._creatives(transformed.pop(image.name), encoded)
        inputs = {
            name: tf.RaggedTensor.from_sparse(value) if isinstance(value, tf.SparseTensor) else value
            for name, value in transformed.items()
        }
        answer[PROBABILITY] = tf.sigmoid(self._model(inputs, creative) + self._shift)
        return answer


def _graph(function: Callable[..., dict[str, tf.Tensor]]) -> tf.types.experimental.PolymorphicFunction:
    """Without AutoGraph: the model has no control flow of Python's, and the search for it is most of an export."""
    return tf.function(function, autograph=False)


def _dtype(feature: AnyFeature) -> tf.DType:
    if isinstance(feature, STRING_KINDS):
        return tf.string
    return tf.int64 if isinstance(feature, Timestamp) else tf.float32


def _sparse(column: tf.Tensor) -> tf.SparseTensor:
    """Numbers [batch] with missing values marked to a SparseTensor [batch, 1] as the transform graph takes it."""
    present = column != MISSING_INT64 if column.dtype == tf.int64 else ~tf.math.is_nan(column)
    rows = tf.where(present)  # [present, 1]
    shape = tf.stack([tf.size(column, tf.int64), 1])
    return tf.SparseTensor(tf.pad(rows, [[0, 0], [0, 1]]), tf.gather_nd(column, rows), shape)
