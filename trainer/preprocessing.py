"""Raw columns to model inputs: the graph that TensorFlow Transform computes once and serving runs again."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import (
    Bucketized,
    Categorical,
    FeatureTable,
    Hashed,
    Image,
    Label,
    Numeric,
    Text,
    Timestamp,
    Weight,
)
from trainer.analysis import GRID_BUCKETS, Analysis, InGraph

LINEAR_Z, CLIP_Z = 3.0, 8.0  # beyond the first a z-score grows as its logarithm, up to the second
WILD = 2.0  # a spread that the outermost fiftieths of the values more than double is theirs, not the column's
RATE_MARGIN = 1e-3  # a rate of exactly 0 or 1 has no logit; its clicks are too few to say more than this
SECONDS_PER_DAY, DAYS_PER_WEEK = 86_400, 7
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """TFT's entry point. `custom_config['features']` is the feature table as JSON.

    inputs: one tf.SparseTensor per column, [batch, 1] or empty rows. Returns dense tensors [batch], and for text
    tf.SparseTensors [batch, words]; see `dense_names` for the numbers.
    """
    return preprocess(inputs, FeatureTable.model_validate_json(custom_config["features"]), InGraph())


def preprocess(inputs: dict[str, Any], table: FeatureTable, analysis: Analysis) -> dict[str, tf.Tensor]:
    """As `preprocessing_fn`, with what is known of the training rows coming from `analysis`."""
    outputs: dict[str, tf.Tensor] = {}
    for feature in table:
        name = feature.name
        if name not in inputs:
            continue
        column = inputs[name]
        if isinstance(feature, Numeric):
            outputs[name], outputs[f"{name}_missing"] = _numeric(feature, column, analysis)
        elif isinstance(feature, Bucketized):
            outputs[name] = _bucketized(feature, column, analysis)
        elif isinstance(feature, Categorical):
            outputs[name] = _categorical(feature, column, analysis)
        elif isinstance(feature, Hashed):
            outputs[name] = tf.strings.to_hash_bucket_fast(_dense(column, feature.default), feature.buckets)
        elif isinstance(feature, Text):
            outputs[name] = _text(feature, column)
        elif isinstance(feature, Timestamp):
            outputs.update(_cycles(feature, column))
        elif isinstance(feature, Image):
            outputs[name] = _dense(column, "")
        elif isinstance(feature, Label):
            outputs[name] = _dense(column, 0)
        elif isinstance(feature, Weight):
            outputs[name] = _dense(column, 1.0)
    return outputs


def dense_names(table: FeatureTable) -> list[str]:
    """Outputs that are real numbers, in the order in which the model stacks them."""
    names = []
    for feature in table:
        if isinstance(feature, Numeric):
            names += [feature.name, f"{feature.name}_missing"]
        elif isinstance(feature, Timestamp):
            names += [f"{feature.name}_{cycle}_{wave}" for cycle in feature.derive for wave in ("sin", "cos")]
    return names


def _dense(column: Any, default: Any) -> tf.Tensor:
    """First value of each row, `default` where there is none. Returns [batch]."""
    if isinstance(column, tf.SparseTensor):
        shape = [column.dense_shape[0], 1]
        column = tf.sparse.to_dense(tf.SparseTensor(column.indices, column.values, shape), default_value=default)
    return tf.reshape(column, [-1])


def _present(column: tf.SparseTensor) -> tf.Tensor:
    """1.0 where the row has a value. Returns [batch]."""
    ones = tf.SparseTensor(column.indices, tf.ones_like(column.values, tf.float32), [column.dense_shape[0], 1])
    return tf.reshape(tf.sparse.to_dense(ones), [-1])


def _numeric(feature: Numeric, column: tf.SparseTensor, analysis: Analysis) -> tuple[tf.Tensor, tf.Tensor]:
    """Compressed z-score of the transformed number, 0 where missing; and the missing flag. Each [batch]."""
    values = scaled(feature, column.values)
    default = None if feature.default is None else scaled(feature, tf.constant(feature.default, tf.float32))
    mean, spread = _centre_and_spread(feature, values, analysis)
    present = _present(column)
    filled = _dense(tf.SparseTensor(column.indices, values, column.dense_shape), 0.0)
    filled = tf.where(present > 0, filled, mean if default is None else default)
    return _compressed(tf.math.divide_no_nan(filled - mean, spread)), 1.0 - present


def _compressed(z: tf.Tensor) -> tf.Tensor:
    """As it is between ±LINEAR_Z, ±(LINEAR_Z + log(1 + rest)) beyond, ±CLIP_Z at most."""
    inner = tf.clip_by_value(z, -LINEAR_Z, LINEAR_Z)
    rest = z - inner
    return tf.clip_by_value(inner + tf.sign(rest) * tf.math.log1p(tf.abs(rest)), -CLIP_Z, CLIP_Z)


def _centre_and_spread(feature: Numeric, values: tf.Tensor, analysis: Analysis) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation, of the winsorised values where a few absurd ones make up most of them. Each []."""
    mean, variance = analysis.moments(feature, values)
    grid = tf.reshape(analysis.grid(feature, values), [-1])
    # Of the values with the outermost put at the boundary beside them: one point for each bucket.
    points = tf.concat([grid[:1], 0.5 * grid[1:] + 0.5 * grid[:-1], grid[-1:]], 0)
    centre = tf.reduce_sum(points / GRID_BUCKETS)
    largest = tf.reduce_max(tf.abs(points - centre))
    # Squares of numbers beyond 1e19 are more than a float32 holds, so they are taken of ratios.
    inner = largest * tf.sqrt(tf.reduce_mean(tf.square(tf.math.divide_no_nan(points - centre, largest))))
    # An all-missing column has no moments: the analyzers give NaN there, and the column then says nothing.
    sound = tf.math.is_finite(mean) & tf.math.is_finite(variance)
    spread = tf.sqrt(tf.where(sound, variance, 0.0))
    wild = (inner > 0.0) & (~sound | (spread > WILD * inner))
    return tf.where(wild, centre, tf.where(sound, mean, 0.0)), tf.where(wild, inner, spread)


def scaled(feature: Numeric, values: tf.Tensor) -> tf.Tensor:
    """The feature's transform of its values, elementwise."""
    if feature.transform == "log":
        return tf.math.log1p(tf.maximum(values, 0.0))
    if feature.transform == "logit":
        rate = tf.clip_by_value(values, RATE_MARGIN, 1.0 - RATE_MARGIN)
        return tf.math.log(rate) - tf.math.log1p(-rate)
    return values


def _bucketized(feature: Bucketized, column: tf.SparseTensor, analysis: Analysis) -> tf.Tensor:
    """Quantile bucket 1 … buckets, 0 where missing. Returns int64 [batch]."""
    boundaries = analysis.boundaries(feature, column.values)
    buckets = tft.apply_buckets(column.values, boundaries) + 1
    bucket = _dense(tf.SparseTensor(column.indices, buckets, column.dense_shape), tf.constant(0, tf.int64))
    if feature.default is None:
        return bucket
    missing = tft.apply_buckets(tf.constant([feature.default], tf.float32), boundaries) + 1
    return tf.where(_present(column) > 0, bucket, missing)


def _categorical(feature: Categorical, column: tf.SparseTensor, analysis: Analysis) -> tf.Tensor:
    """Index in the vocabulary; its size for rare values, one more for new ones, two for missing ones. int64 [batch].

    A value that training has never seen is most often too young for that, which a rare one is not; and that a cell is
    empty often tells more than any value. `default` stands for an empty cell, and is rare where it is not frequent.
    """
    values = _dense(column, feature.default)
    index = tft.apply_vocabulary(values, analysis.vocabulary(feature, column.values), num_oov_buckets=1)
    seen = tft.apply_vocabulary(values, analysis.seen(feature, column.values), default_value=-1)
    missing = tf.equal(_dense(column, ""), "")
    new = tf.logical_and(seen < 0, ~missing)
    index += tf.cast(new, index.dtype)
    return index if feature.default else index + 2 * tf.cast(missing, index.dtype)


def _text(feature: Text, column: tf.SparseTensor) -> tf.SparseTensor:
    """Hashed words; an empty cell has none. Returns int64 tf.SparseTensor [batch, words]."""
    words = tf.strings.split(_dense(column, feature.default), sep=feature.separator)  # ragged [batch, (words)]
    # Nothing between two separators, or in an empty cell, would otherwise be a word of its own, the empty one.
    words = tf.ragged.boolean_mask(words, tf.strings.length(words) > 0)
    hashed = tf.ragged.map_flat_values(tf.strings.to_hash_bucket_fast, words, feature.buckets)
    return hashed.to_sparse()


def _cycles(feature: Timestamp, column: tf.SparseTensor) -> dict[str, tf.Tensor]:
    """Sine and cosine of the UTC hour and weekday, 0 where missing. Each [batch]."""
    seconds = _dense(column, tf.constant(0, tf.int64))
    present = _present(column)
    phases = {
        "hour": tf.cast(seconds % SECONDS_PER_DAY, tf.float32) / SECONDS_PER_DAY,
        "weekday": tf.cast((seconds // SECONDS_PER_DAY + EPOCH_WEEKDAY) % DAYS_PER_WEEK, tf.float32) / DAYS_PER_WEEK,
    }
    return {
        f"{feature.name}_{cycle}_{wave}": present * turn(2.0 * math.pi * phases[cycle])
        for cycle in feature.derive
        for wave, turn in (("sin", tf.sin), ("cos", tf.cos))
    }
