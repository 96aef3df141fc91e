"""Strings as the `predict` signature has them, dense, to what the transform graph makes of the same values.

That graph takes sparse columns and four times as many operations, which is half the time of a request of one row. The
tests of trainer/servable.py hold the values of both together.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import STRING_KINDS, AnyFeature, Categorical, FeatureTable, Hashed, Text
from trainer.analysis import InGraph, seen_name, vocabulary_name
from trainer.preprocessing import preprocess


class StringColumns(tf.Module):
    """Vocabularies as tables of their own; all else is trainer/preprocessing.py."""

    def __init__(
        self, features: Sequence[AnyFeature], table: FeatureTable, transform_output: tft.TFTransformOutput
    ) -> None:
        """Of `features` those that are strings."""
        super().__init__()
        self._features = [one for one in features if isinstance(one, STRING_KINDS)]
        self._table = table
        self._indices = {
            one.name: _Index(one, transform_output) for one in self._features if isinstance(one, Categorical)
        }

    def __call__(self, columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """columns: string [batch] by request name, "" where missing. Returns preprocessing's outputs for them."""
        values = {one.name: _filled(columns[one.request_name], one) for one in self._features}
        requests = {one.name: columns[one.request_name] for one in self._features}
        ids = {name: index(values.pop(name), requests[name]) for name, index in self._indices.items()}
        return {**ids, **preprocess(values, self._table, InGraph())}


class _Index(tf.Module):
    """Values to rows of a vocabulary, of which the values that training has seen begin with the frequent ones."""

    def __init__(self, feature: Categorical, transform_output: tft.TFTransformOutput) -> None:
        super().__init__()
        self._size = transform_output.vocabulary_size_by_name(vocabulary_name(feature.name))
        # A vocabulary without any frequent value holds a stand-in, and the values seen begin with a rare one.
        starts = [transform_output.vocabulary_by_name(name(feature.name))[0] for name in (vocabulary_name, seen_name)]
        self._frequent = self._size if starts[0] == starts[1] else 0
        self._seen = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                transform_output.vocabulary_file_by_name(seen_name(feature.name)),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=-1,
        )

    def __call__(self, values: tf.Tensor, request: tf.Tensor) -> tf.Tensor:
        """values: with defaults, request: without them, string [batch] each. Returns int64 [batch]."""
        place = self._seen.lookup(values)
        other = tf.where((place < 0) & tf.not_equal(request, ""), self._size + 1, self._size)
        return tf.where((place >= 0) & (place < self._frequent), place, tf.cast(other, tf.int64))


def _filled(column: tf.Tensor, feature: AnyFeature) -> tf.Tensor:
    """A missing value counts as the feature's default."""
    default = feature.default if isinstance(feature, Categorical | Hashed | Text) else ""
    return tf.where(column == "", default, column) if default else column
