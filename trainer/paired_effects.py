"""Which pairs of features act together on the click rate, and how strongly: found in the rows before training.

A cross layer has to find a pair's effect and the directions in which it lies at once, from few clicks. Where the pair
is known, a weight for each of its combinations with the right prior needs far fewer. Each candidate is tested on what
the features' own effects leave unexplained, by the score test of a variance component: weights of mean 0 and variance
τ² on the block's columns. Such a test asks for no fit of the block, so hundreds are cheap (Lin 1997, "Variance
component testing in generalised linear models with random effects", doi 10.1093/biomet/84.2.309).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MAX_WEIGHTS = 20_000
"""Of one pair; combinations of larger ones come too rarely to have weights of their own."""
MAX_ROWS = 60_000
"""That are looked at."""
FALSE_SHARE = 0.1
"""Of the pairs that stand out, at most so many by chance. One that does gets a strong prior where clicks are many, and
where they are few, a weak one."""
CHANCE_OF_CREATIVE = 0.02
"""At most; of the creative alone, which is one."""
MAX_TESTED = 16
"""Of the pairs that stand out at first, each of which may cost a fit."""

ROUNDING = 1e-9
"""Of a sum, what a difference from it must exceed."""

FloatArray = npt.NDArray[np.float64]


class PairedEffect(NamedTuple):
    """Weights for combinations of two features' values, or by value for a number or the creative's features."""

    first: str
    """A feature of values, or a number beside the creative; empty for the creative's features on their own."""
    second: str
    """Another feature of values, or a number; empty for the creative's features."""
    prior: float
    """Strength of the Gaussian prior, k in the penalty k · w²."""


class ScoreTest(NamedTuple):
    """What the rows say of one block."""

    score: float
    """Standard errors above chance."""
    variance: float
    """τ² of the weights; at least 0."""
    chance: float
    """Probability of such a score or a greater one without any effect."""


def score_test(
    group: npt.NDArray[np.int64],
    columns: FloatArray,
    label: FloatArray,
    rate: FloatArray,
    weight: FloatArray,
    aggregated: bool = False,
) -> ScoreTest:
    """Of weights [groups, columns] on a row's columns, one set for each group.

    group: from 0, [rows]. columns: c, [rows, K]. label, rate: what came, and its expectation p without the block;
    weight; [rows] each. `aggregated`: weights count impressions, which are drawn one by one.

    With r = weight · (label - p) of an impression, U is the sum of r r' c·c' over all impressions and others of their
    group. The squares of single ones, which the usual test has beside, are left out: they tell how many clicks there
    were, and not whether they came together. Under chance U has mean 0 and variance 2 Σ s s' (c·c')², s = weight² p
    (1 - p); an effect adds τ² Σ v v' (c·c')², v = weight · p (1 - p).
    """
    drawn, unit = (weight, np.ones_like(weight)) if aggregated else (np.ones_like(weight), weight)
    spread = rate * (1.0 - rate)
    squares = np.square(columns).sum(1)  # [rows]
    second, information = np.square(unit) * spread, unit * spread
    third = unit**3 * spread * (1.0 - 2.0 * rate)
    together = _products(group, columns, drawn * second)  # [groups, K, K]
    variance = 2.0 * _without(together, drawn * np.square(second * squares))
    learnt = _without(_products(group, columns, drawn * information), drawn * np.square(information * squares))
    if variance <= 0.0 or learnt <= 0.0:
        return ScoreTest(0.0, 0.0, 1.0)
    alone = (drawn * np.square(unit) * (spread + (label - rate) * (1.0 - 2.0 * rate))) @ squares
    excess = float(np.square(_sums(group, columns * (weight * (label - rate))[:, None])).sum() - alone)
    score = excess / variance**0.5
    if excess <= 0.0:
        return ScoreTest(score, 0.0, 1.0)
    # Of the third moment one part is of three impressions in a ring, the other of two, thrice the same pair. For the
    # latter's (c·c')³ stands its bound |c| |c'| (c·c')², which asks for no products of three columns.
    rings = float(np.sum((together @ together) * together)) + float(2.0 * drawn @ (second * squares) ** 3)
    rings -= 3.0 * float(np.sum(together * _products(group, columns, drawn * np.square(second) * squares)))
    pairs = _without(_products(group, columns, drawn * third * np.sqrt(squares)), drawn * np.square(third) * squares**3)
    return ScoreTest(score, excess / learnt, _chance(excess, variance, 8.0 * max(rings, 0.0), 4.0 * pairs))


def _chance(excess: float, variance: float, of_rings: float, of_pairs: float) -> float:
    """That a variable of mean 0, this variance and a third moment of these two parts is at least `excess`.

    Of few groups or few clicks its tail is much longer than a normal variable's: it is taken for a shifted gamma
    variable of the same moments. Where hardly any two clicks meet it counts those that do, and a gamma variable takes
    the value for the middle between it and the one below.
    """
    from scipy.stats import gamma, norm

    if of_rings + of_pairs <= 0.0:
        return float(norm.sf(excess / variance**0.5))
    scale = (of_rings + of_pairs) / (2.0 * variance)
    shape = variance / scale**2
    half_a_step = of_pairs / (2.0 * variance)
    return float(gamma.sf(excess - half_a_step + shape * scale, shape, scale=scale))


def _sums(group: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """values: [rows, K]. Returns [groups, K]."""
    return np.stack([np.bincount(group, column) for column in values.T], 1)


def _products(group: npt.NDArray[np.int64], columns: FloatArray, factor: FloatArray) -> FloatArray:
    """Σ factor · column columnᵀ by group, [groups, K, K]."""
    if columns.shape[1] == 1:
        return np.asarray(np.bincount(group, factor * columns[:, 0] ** 2), np.float64)[:, None, None]
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    return np.stack([columns[rows].T @ (columns[rows] * factor[rows, None]) for rows in parts])


def _without(products: FloatArray, alone: FloatArray) -> float:
    """Σ of squares, without those of single impressions; 0 where no two of them meet."""
    total = float(np.square(products).sum())
    rest = total - float(alone.sum())
    return rest if rest > ROUNDING * total else 0.0


def greatest_chance(chances: Sequence[float]) -> float:
    """What those of a family that stand out may have, at most FALSE_SHARE of which do so by chance; 0 where none does.

    The k-th smallest of n may be FALSE_SHARE · k / n (Benjamini and Hochberg 1995, "Controlling the false discovery
    rate", section 3.1).
    """
    ordered = np.sort(np.asarray(chances, np.float64))
    bounds = FALSE_SHARE * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    passed = bounds[ordered <= bounds]
    return float(passed[-1]) if len(passed) else 0.0


class Candidate(NamedTuple):
    """A pair that may act together."""

    first: str
    second: str
    group: npt.NDArray[np.int64]
    """Combination of values of each row, or value where the columns are numbers or the creative's; [rows]"""
    columns: FloatArray
    """Ones or a number [rows, 1], or the creative's features [rows, K]."""


def candidates(
    ids: Mapping[str, npt.NDArray[np.int64]],
    sizes: Mapping[str, int],
    numbers: Mapping[str, FloatArray],
    creative: FloatArray | None,
) -> Iterator[Candidate]:
    """Pairs of features, and of each with the creative's features [rows, K], that have few enough weights.

    ids: value of each row by feature, [rows], each below its size. numbers: [rows] each. Pairs of numbers are not among
    them: their product alone is one column, and the towers' part.
    """
    for first, second in itertools.combinations(ids, 2):
        if sizes[first] * sizes[second] <= MAX_WEIGHTS:
            group = ids[first] * sizes[second] + ids[second]
            yield Candidate(first, second, group, np.ones((len(group), 1)))
    for first, second in itertools.product(ids, numbers):
        if sizes[first] <= MAX_WEIGHTS:
            yield Candidate(first, second, ids[first], numbers[second][:, np.newaxis])
    if creative is not None:
        width = creative.shape[1]
        for name in ids:
            if sizes[name] * width <= MAX_WEIGHTS:
                yield Candidate(name, "", ids[name], creative)
        for name, number in numbers.items():
            yield Candidate(name, "", np.zeros(len(number), np.int64), creative * number[:, np.newaxis])


def some_rows(rows: int, seed: int) -> npt.NDArray[np.int64]:
    """At most MAX_ROWS of them, in order."""
    if rows <= MAX_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_ROWS, replace=False))
