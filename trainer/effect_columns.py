"""Columns of a logistic regression in the form that costs least: none of them is ever written out.

Of the products with a vector that a fit asks for, thousands are made; a row of a creative by its segment alone would
have hundreds of places in a matrix.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
TABLE_ROWS = 4
"""A table of creatives by groups pays while it has no more cells than so many for each row."""


class Columns(Protocol):
    """X [rows, weights]."""

    @property
    def width(self) -> int:
        """Weights."""

    def logits(self, weights: FloatArray) -> FloatArray:
        """X · weights, [rows]."""

    def gradient(self, slope: FloatArray) -> FloatArray:
        """Xᵀ · slope, [weights]."""

    def diagonal(self, information: FloatArray) -> FloatArray:
        """Σ over rows of information · X², [weights]."""


class NumberColumns(NamedTuple):
    """Numbers as they are."""

    numbers: FloatArray
    """[rows, weights]"""

    @property
    def width(self) -> int:
        """One for each number."""
        return self.numbers.shape[1]

    def logits(self, weights: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(self.numbers @ weights)

    def gradient(self, slope: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(slope @ self.numbers)

    def diagonal(self, information: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(information @ np.square(self.numbers))


class ValueColumns(NamedTuple):
    """A weight for each value; with `number`, a slope in that number for each."""

    ids: IntArray
    """[rows]"""
    size: int
    number: FloatArray | None = None
    """[rows]"""

    @property
    def width(self) -> int:
        """One for each value."""
        return self.size

    def logits(self, weights: FloatArray) -> FloatArray:
        """As Columns."""
        return weights[self.ids] if self.number is None else weights[self.ids] * self.number

    def gradient(self, slope: FloatArray) -> FloatArray:
        """As Columns."""
        values = slope if self.number is None else slope * self.number
        return np.asarray(np.bincount(self.ids, values, self.size), np.float64)

    def diagonal(self, information: FloatArray) -> FloatArray:
        """As Columns."""
        values = information if self.number is None else information * self.number**2
        return np.asarray(np.bincount(self.ids, values, self.size), np.float64)


class WordColumns(NamedTuple):
    """How much each word counts in a row."""

    counts: Any
    """scipy.sparse.csr_matrix [rows, words]"""

    @property
    def width(self) -> int:
        """One for each word."""
        return int(self.counts.shape[1])

    def logits(self, weights: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(self.counts @ weights)

    def gradient(self, slope: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(self.counts.T @ slope)

    def diagonal(self, information: FloatArray) -> FloatArray:
        """As Columns."""
        return np.asarray(self.counts.multiply(self.counts).T @ information)


class CreativeColumns:
    """A set of weights on the creative's features for each group; rows without a creative have zeros."""

    def __init__(
        self, group: IntArray, groups: int, creative: IntArray, features: FloatArray, number: FloatArray | None = None
    ) -> None:
        """group: [rows]. creative: [rows], -1 for none. features: [creatives, K]. number: scales a row's, [rows]."""
        self._groups, self._features = groups, features
        known = (creative >= 0).astype(np.float64)
        self._scale = known if number is None else known * number
        self._group, self._row = group, np.maximum(creative, 0)
        self._tabled = len(features) * groups <= TABLE_ROWS * len(group) + 4096
        self._cell = self._row * groups + group if self._tabled else self._row

    @property
    def width(self) -> int:
        """K for each group, group by group."""
        return self._groups * self._features.shape[1]

    @property
    def features(self) -> int:
        """K."""
        return self._features.shape[1]

    def turned(self, matrix: FloatArray) -> CreativeColumns:
        """With the features multiplied by this, [K, K]."""
        found = copy.copy(self)
        found._features = self._features @ matrix
        return found

    def logits(self, weights: FloatArray) -> FloatArray:
        """As Columns."""
        if not len(self._features):
            return np.zeros(len(self._group))
        by_group = weights.reshape(self._groups, -1)
        if self._tabled:
            return np.asarray((self._features @ by_group.T).ravel()[self._cell] * self._scale)
        return np.asarray(np.einsum("rk,rk->r", self._features[self._row], by_group[self._group]) * self._scale)

    def gradient(self, slope: FloatArray) -> FloatArray:
        """As Columns."""
        return self._sums(slope * self._scale, self._features)

    def diagonal(self, information: FloatArray) -> FloatArray:
        """As Columns."""
        return self._sums(information * np.square(self._scale), np.square(self._features))

    def _sums(self, values: FloatArray, features: FloatArray) -> FloatArray:
        if not len(features):
            return np.zeros(self.width)
        if self._tabled:
            cells = np.bincount(self._cell, values, len(features) * self._groups)
            return np.asarray(cells.reshape(len(features), self._groups).T @ features).ravel()
        sums = [np.bincount(self._group, values * one[self._row], self._groups) for one in features.T]
        return np.asarray(np.stack(sums, 1), np.float64).ravel()


def bag_of_words(words: IntArray, starts: IntArray, size: int) -> WordColumns:
    """Ragged words by their row starts [rows + 1], each 1 / √words of its row, as the click model takes them."""
    from scipy import sparse

    lengths = np.diff(starts)
    return WordColumns(
        sparse.csr_matrix(
            (np.repeat(np.maximum(lengths, 1), lengths) ** -0.5, words, starts), shape=(len(lengths), size)
        )
    )
