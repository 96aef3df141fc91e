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
    residual: FloatArray,
    spread: FloatArray,
    weight: FloatArray,
    aggregated: bool = False,
) -> ScoreTest:
    """Of weights [groups, columns] on a row's columns, one set for each group.

    group: from 0, [rows]. columns: [rows, K]. residual: label - p, spread: p (1 - p), weight: [rows].
    `aggregated`: weights count impressions, which are drawn one by one.

    With g the groups' scores Σ weight · residual · column and F their information Σ weight · spread · column columnᵀ,
    Q = Σ |g|² has expectation Σ weight² · spread · |column|² under chance and exceeds it by τ² Σ |F|². Q is near a
    scaled χ² of the same mean and variance (Satterthwaite 1946, doi 10.2307/3002019): of few groups, or of few clicks,
    its tail is much longer than a normal variable's.
    """
    from scipy.stats import chi2

    groups = int(group.max()) + 1
    squares = np.square(columns).sum(1)  # [rows]
    scaled = columns * (weight * residual)[:, None]
    scores = np.stack([np.bincount(group, scaled[:, one], groups) for one in range(columns.shape[1])], 1)
    counts = np.ones_like(weight) if aggregated else weight
    by_chance = float((weight * counts * spread) @ squares)
    information = _squared_information(group, columns, weight * spread, groups)
    # A Bernoulli variable's fourth cumulant is spread (1 - 6 spread): with rare clicks Q is far from normal.
    tail = float(np.maximum(weight * counts**3 * spread * (1.0 - 6.0 * spread), 0.0) @ squares**2)
    error = float(np.sqrt(2.0 * information + tail))
    if information <= 0.0:
        return ScoreTest(0.0, 0.0, 1.0)
    excess = float(np.square(scores).sum()) - by_chance
    scale = error**2 / (2.0 * by_chance)
    chance = float(chi2.sf((excess + by_chance) / scale, by_chance / scale))
    return ScoreTest(excess / error, max(excess, 0.0) / information, chance)


def _squared_information(
    group: npt.NDArray[np.int64], columns: FloatArray, information: FloatArray, groups: int
) -> float:
    """Σ over groups of the squared Frobenius norm of Σ information · column columnᵀ."""
    if columns.shape[1] == 1:
        return float(np.square(np.bincount(group, information * columns[:, 0] ** 2, groups)).sum())
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=groups))
    total = 0.0
    for rows in np.split(order, ends[:-1]):
        block = columns[rows]
        total += float(np.square(block.T @ (block * information[rows, None])).sum())
    return total


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
