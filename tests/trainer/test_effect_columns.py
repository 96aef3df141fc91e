"""Products with columns that are never written out, against the matrix that they stand for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from trainer.effect_columns import (
    TABLE_ROWS,
    Columns,
    CreativeColumns,
    NumberColumns,
    ValueColumns,
    bag_of_words,
)

ROWS, VALUES = 40, 5
GENERATOR = np.random.default_rng(3)
IDS = GENERATOR.integers(0, VALUES, ROWS)
NUMBER = GENERATOR.normal(size=ROWS)
CREATIVE = GENERATOR.integers(-1, 6, ROWS)
FEATURES = GENERATOR.normal(size=(6, 3))
MANY = GENERATOR.normal(size=(4096 + TABLE_ROWS * ROWS, 3))  # one by one: a table would have too many cells
FloatArray = npt.NDArray[np.float64]


def by_value(columns: FloatArray) -> FloatArray:
    """Each value's columns apart from the others', [rows, values · K]."""
    return np.einsum("rv,rk->rvk", np.eye(VALUES)[IDS], columns).reshape(ROWS, -1)


def of_rows(features: FloatArray) -> FloatArray:
    return features[np.maximum(CREATIVE, 0)] * (CREATIVE >= 0)[:, np.newaxis]


@pytest.mark.parametrize(
    ("made", "matrix"),
    [
        (lambda: NumberColumns(of_rows(FEATURES)), of_rows(FEATURES)),
        (lambda: ValueColumns(IDS, VALUES), by_value(np.ones((ROWS, 1)))),
        (lambda: ValueColumns(IDS, VALUES, NUMBER), by_value(NUMBER[:, np.newaxis])),
        (lambda: CreativeColumns(IDS, VALUES, CREATIVE, FEATURES), by_value(of_rows(FEATURES))),
        (lambda: CreativeColumns(IDS, VALUES, CREATIVE, MANY), by_value(of_rows(MANY))),
        (
            lambda: CreativeColumns(np.zeros(ROWS, np.int64), 1, CREATIVE, FEATURES, NUMBER),
            of_rows(FEATURES) * NUMBER[:, np.newaxis],
        ),
        (lambda: CreativeColumns(IDS, VALUES, np.full(ROWS, -1), np.zeros((0, 3))), np.zeros((ROWS, VALUES * 3))),
    ],
)
def test_products_are_those_of_the_matrix(made: Callable[[], Columns], matrix: FloatArray) -> None:
    columns = made()
    weights, slope = GENERATOR.normal(size=matrix.shape[1]), GENERATOR.normal(size=ROWS)
    assert columns.width == matrix.shape[1]
    assert columns.logits(weights) == pytest.approx(matrix @ weights)
    assert columns.gradient(slope) == pytest.approx(matrix.T @ slope)
    assert columns.diagonal(slope**2) == pytest.approx(np.square(matrix).T @ slope**2)


@pytest.mark.parametrize("features", [FEATURES, MANY])
def test_turned_columns_are_those_of_the_turned_features(features: FloatArray) -> None:
    matrix = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.5, 3.0]])
    columns = CreativeColumns(IDS, VALUES, CREATIVE, features)
    weights = GENERATOR.normal(size=VALUES * 3)
    assert columns.turned(matrix).logits(weights) == pytest.approx(by_value(of_rows(features @ matrix)) @ weights)
    assert columns.logits(weights) == pytest.approx(by_value(of_rows(features)) @ weights)  # itself as it was
    assert columns.features == 3


def test_words_count_one_over_the_root_of_their_number() -> None:
    words = bag_of_words(np.array([2, 0, 1, 1, 2]), np.array([0, 4, 4, 5]), 3)  # four words, none, one
    assert words.width == 3
    # row 0 has 1 / √4 = 0.5 of words 0 and 2 and twice that of word 1, row 2 has word 2
    assert words.logits(np.array([1.0, 5.0, 3.0])).tolist() == [7.0, 0.0, 3.0]
    assert words.gradient(np.array([1.0, 9.0, 1.0])).tolist() == [0.5, 1.0, 1.5]
    assert words.diagonal(np.array([1.0, 9.0, 1.0])).tolist() == [0.25, 1.0, 1.25]
