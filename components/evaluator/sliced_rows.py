"""Rows sorted once, by slice and then by score: every metric is then a few passes over flat arrays."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def ratio(above: FloatArray | float, below: FloatArray | float) -> FloatArray:
    """above / below, NaN where `below` is not positive: that marks "undefined" until it leaves the room as None."""
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    out = np.full(above.shape, np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def sums(ids: IntArray, values: FloatArray, n_ids: int) -> FloatArray:
    """Sum of the values of each id, [n_ids]."""
    return np.asarray(np.bincount(ids, values, n_ids), np.float64)


@dataclasses.dataclass(frozen=True)
class SlicedRows:
    """Rows of disjoint slices in rising order of (slice, score); all arrays [rows].

    `label` in [0, 1] (a fraction where a row stands for several impressions), `weight` ≥ 0.
    """

    label: FloatArray
    score: FloatArray
    weight: FloatArray
    slice_id: IntArray
    n_slices: int
    row: IntArray
    """Position of each row in the arrays that were given."""

    @classmethod
    def sort(
        cls,
        label: FloatArray,
        score: FloatArray,
        weight: FloatArray | None = None,
        slice_ids: IntArray | None = None,
        n_slices: int = 1,
        by_score: IntArray | None = None,
    ) -> SlicedRows:
        """slice_ids: slice of each row in [0, n_slices), or −1 for none; no ids at all mean one slice of all rows.

        `by_score`: the stable argsort of `score`, where it is known already.
        """
        order = np.argsort(score, kind="stable") if by_score is None else by_score
        if slice_ids is None:
            ids = np.zeros(len(order), np.int64)
        else:
            order = order[slice_ids[order] >= 0]
            # a stable sort of small integers is a radix sort: linear in the rows
            small = slice_ids[order].astype(np.uint16 if n_slices <= 1 << 16 else np.int64)
            order = order[np.argsort(small, kind="stable")]
            ids = slice_ids[order].astype(np.int64)
        weights = np.ones(len(order)) if weight is None else np.asarray(weight, np.float64)[order]
        return cls(
            np.asarray(label, np.float64)[order], np.asarray(score, np.float64)[order], weights, ids, n_slices, order
        )

    def reweighted(self, weight: FloatArray) -> SlicedRows:
        """The same rows with other weights, [rows] in this order: nothing is sorted anew."""
        return dataclasses.replace(self, weight=weight)

    def rescored(self, score: FloatArray) -> SlicedRows:
        """The same rows with other scores, [rows] in this order, that rise with the old ones."""
        return dataclasses.replace(self, score=score)

    def total(self, values: FloatArray) -> FloatArray:
        """Sum over each slice, [n_slices]."""
        return sums(self.slice_id, values, self.n_slices)

    @functools.cached_property
    def count(self) -> IntArray:
        """Rows of each slice, [n_slices]."""
        return np.bincount(self.slice_id, minlength=self.n_slices).astype(np.int64)

    @functools.cached_property
    def positive(self) -> FloatArray:
        """Weight of each row's clicks."""
        return self.weight * self.label

    @functools.cached_property
    def negative(self) -> FloatArray:
        """Weight of each row's impressions without a click."""
        return self.weight * (1.0 - self.label)

    @functools.cached_property
    def positives(self) -> FloatArray:
        """[n_slices]"""
        return self.total(self.positive)

    @functools.cached_property
    def negatives(self) -> FloatArray:
        """[n_slices]"""
        return self.total(self.negative)

    @functools.cached_property
    def weights(self) -> FloatArray:
        """[n_slices]"""
        return self.total(self.weight)

    @functools.cached_property
    def effective_clicks(self) -> FloatArray:
        """Kish's effective number of clicks, (Σp)² / Σp², [n_slices]: the number of clicks where all weigh the same."""
        return ratio(self.positives**2, self.total(self.positive**2))

    @functools.cached_property
    def ties(self) -> Ties:
        """Groups of rows of one slice with one score."""
        if not len(self.score):
            empty = np.zeros(0, np.int64)
            return Ties(empty, empty, empty)
        first = np.empty(len(self.score), bool)
        first[0] = True
        first[1:] = (self.score[1:] != self.score[:-1]) | (self.slice_id[1:] != self.slice_id[:-1])
        start = np.flatnonzero(first)
        return Ties(start, np.cumsum(first) - 1, self.slice_id[start])

    def below(self, per_group: FloatArray, per_slice: FloatArray) -> FloatArray:
        """Sum over the groups of the same slice with a lower score, [groups]; `per_slice` are the slices' sums."""
        before_slice = np.cumsum(per_slice) - per_slice
        below = np.cumsum(per_group) - per_group - before_slice[self.ties.slice_id]
        return np.maximum(below, 0.0)


@dataclasses.dataclass(frozen=True)
class Ties:
    """`start`: first row of each group, [groups]. `group`: each row's group, [rows]. `slice_id`: [groups]."""

    start: IntArray
    group: IntArray
    slice_id: IntArray

    def total(self, values: FloatArray) -> FloatArray:
        """Sum over each group, [groups]."""
        return np.add.reduceat(values, self.start) if len(self.start) else np.zeros(0)
