"""Strings as the `predict` signature has them, dense, to what the transform graph makes of the same values.

That graph takes sparse columns and four times as many operations, which is half the time of a request of one row. The
tests of trainer/servable.py hold the values of both together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from configs.features import STRING_KINDS, AnyFeature, Categorical, FeatureTable, Hashed, Text
from trainer.analysis import InGraph, seen_name, vocabulary_name
from trainer.preprocessing import preprocess

_NEW, _MISSING = -1, -2
"""Behind a vocabulary's rare values, from its size on."""
_RARE = 2**62
"""Beyond every vocabulary."""


class StringColumns(tf.Module):
    """Vocabularies as tables of their own; all else is trainer/preprocessing.py."""

    def __init__(
        self, features: Sequence[AnyFeature], table: FeatureTable, transform_output: tft.TFTransformOutput
    ) -> None:
        """Of `features` those that are strings."""
        super().__init__()
        self._features = [one for one in features if isinstance(one, STRING_KINDS)]
        self._table = table
        self._indices = _Indices([one for one in self._features if isinstance(one, Categorical)], transform_output)

    def __call__(self, columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """columns: string [batch] by request name, "" where missing. Returns preprocessing's outputs for them."""
        values = {one.name: _filled(columns[one.request_name], one) for one in self._features}
        ids = self._indices(values, columns)
        others = {name: column for name, column in values.items() if name not in ids}
        return {**ids, **preprocess(others, self._table, InGraph())}


class _Indices(tf.Module):
    """Values to rows of their vocabularies, of which the values that training has seen begin with the frequent ones.

    All features together but for the lookups: at one row, each operation costs more than what it does.
    """

    def __init__(self, features: Sequence[Categorical], transform_output: tft.TFTransformOutput) -> None:
        super().__init__()
        self._features = features
        self._tables = [_seen_values(one, transform_output) for one in features]
        sizes = [transform_output.vocabulary_size_by_name(vocabulary_name(one.name)) for one in features]
        frequent = []
        for one, size in zip(features, sizes, strict=True):
            # A vocabulary without any frequent value holds a stand-in, and the values seen begin with a rare one.
            starts = [transform_output.vocabulary_by_name(name(one.name))[0] for name in (vocabulary_name, seen_name)]
            frequent.append(size if starts[0] == starts[1] else 0)
        self._sizes = np.array(sizes, np.int64)[:, np.newaxis]
        self._frequent = np.array(frequent, np.int64)[:, np.newaxis]

    def __call__(self, values: Mapping[str, tf.Tensor], columns: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """values: with defaults, by name; columns: without them, by request name; string [batch] each.

        Returns int64 [batch] by name.
        """
        if not self._features:
            return {}
        places = []
        for one, place in zip(self._features, self._lookups(values), strict=True):
            # a default need not have been seen, and is never new
            instead = tf.where(place < 0, _RARE, place) if one.default else tf.constant(_MISSING, tf.int64)
            places.append(tf.where(tf.equal(columns[one.request_name], ""), instead, place))
        place = tf.stack(places)  # [features, batch]
        seen = tf.where(place < self._frequent, place, self._sizes)
        rows = tf.unstack(tf.where(place < 0, self._sizes - place, seen), len(self._features))
        return {one.name: row for one, row in zip(self._features, rows, strict=True)}

    def _lookups(self, values: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        return [table.lookup(values[one.name]) for one, table in zip(self._features, self._tables, strict=True)]


def _seen_values(feature: Categorical, transform_output: tft.TFTransformOutput) -> tf.lookup.StaticHashTable:
    """Value to its place among those seen, the most frequent first; NEW for others."""
    return tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            transform_output.vocabulary_file_by_name(seen_name(feature.name)),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        default_value=_NEW,
    )


def _filled(column: tf.Tensor, feature: AnyFeature) -> tf.Tensor:
    """A missing value counts as the feature's default."""
    default = feature.default if isinstance(feature, Categorical | Hashed | Text) else ""
    return tf.where(column == "", default, column) if default else column
