"""Strings as the `predict` signature has them, dense, to what the transform graph makes of the same values.

That graph takes sparse columns and four times as many operations, which is half the time of a request of one row. The
tests of trainer/servable.py hold the values of both together.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft

from configs.features import STRING_KINDS, AnyFeature, Categorical, FeatureTable, Hashed, Text
from trainer.analysis import InGraph, vocabulary_name
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
        self._vocabularies = {
            one.name: tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    transform_output.vocabulary_file_by_name(vocabulary_name(one.name)),
                    tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE,
                    tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER,
                ),
                default_value=transform_output.vocabulary_size_by_name(vocabulary_name(one.name)),
            )
            for one in self._features
            if isinstance(one, Categorical)
        }

    def __call__(self, columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """columns: string [batch] by request name, "" where missing. Returns preprocessing's outputs for them."""
        values = {one.name: _filled(columns[one.request_name], one) for one in self._features}
        ids = {name: index.lookup(values.pop(name)) for name, index in self._vocabularies.items()}
        return {**ids, **preprocess(values, self._table, InGraph())}


def _filled(column: tf.Tensor, feature: AnyFeature) -> tf.Tensor:
    """A missing value counts as the feature's default."""
    default = feature.default if isinstance(feature, Categorical | Hashed | Text) else ""
    return tf.where(column == "", default, column) if default else column
