"""What one pass over columns learns, against arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.transform.column_analysis import EMPTY_VOCABULARY, Moments, analyse
from configs.features import FeatureTable
from trainer.analysis import GRID_BUCKETS

TABLE = FeatureTable.model_validate(
    [
        {"name": "clicked", "kind": "label"},
        {"name": "price", "kind": "numeric", "transform": "log"},
        {"name": "age", "kind": "bucketized", "buckets": 4},
        {"name": "city", "kind": "categorical", "min_count": 2, "vocabulary_size": 2},
    ]
)


def batch(cities: list[str | None], price: list[float | None]) -> pa.RecordBatch:
    def lists(values: list[float | None] | list[bytes | None], kind: pa.DataType) -> pa.Array:
        return pa.array([None if value is None else [value] for value in values], pa.list_(kind))

    return pa.RecordBatch.from_pydict(
        {
            "city": lists([None if city is None else city.encode() for city in cities], pa.binary()),
            "price": lists(price, pa.float32()),
        }
    )


def test_moments_do_not_depend_on_the_batches() -> None:
    # 1e6 + {1, 2, 3, 4}: mean 1e6 + 2.5, variance (2.25 + 0.25 + 0.25 + 2.25) / 4 = 1.25
    values = np.array([1_000_001, 1_000_002, 1_000_003, 1_000_004], np.float32)
    for cuts in ([], [1], [1, 2, 3], [0, 4]):
        moments = Moments()
        for part in np.split(values, cuts):
            moments.add(part)
        assert (moments.count, moments.mean, moments.variance) == (4, 1_000_002.5, pytest.approx(1.25))


def test_values_are_counted_over_all_batches_and_moments_are_of_the_transformed_value(tmp_path: Path) -> None:
    first = batch(["a", "b", None, "c"], [0.0, None, np.e - 1, None])
    second = batch(["a", "c", "c", "d", "b"], [0.0, np.e - 1, None, None, None])
    known = analyse([first, second], TABLE, tmp_path)
    # c 3, a 2, b 2, d 1: d is rarer than min_count; of a and b, byte order falling keeps b, and two are kept
    assert Path(known.vocabulary_files["city"]).read_bytes() == b"c\nb\n"
    assert Path(known.seen_files["city"]).read_bytes() == b"c\nb\n"
    # log(1 + x) of 0, e - 1, 0, e - 1
    assert known.means_and_variances["price"] == pytest.approx((0.5, 0.25))


def test_the_values_seen_begin_with_the_vocabulary(tmp_path: Path) -> None:
    rows = batch(["a", "b", None, "c", "a", "c", "c", "d", "b", "new\nline"], [None] * 10)
    table = [{**entry, "vocabulary_size": 9} if entry["name"] == "city" else entry for entry in TABLE.model_dump()]
    known = analyse([rows], FeatureTable.model_validate(table), tmp_path)
    assert Path(known.vocabulary_files["city"]).read_bytes() == b"c\nb\na\n"
    assert Path(known.seen_files["city"]).read_bytes() == b"c\nb\na\nd\n"


def test_columns_without_a_value_leave_something_to_build_a_graph_with(tmp_path: Path) -> None:
    known = analyse([batch([None], [None])], TABLE, tmp_path)
    assert Path(known.vocabulary_files["city"]).read_text() == f"{EMPTY_VOCABULARY}\n"
    assert known.means_and_variances["price"] == (0.0, 0.0)
    assert known.quantiles["age"] == [0.0, 0.0, 0.0]
    assert known.grids["price"] == [0.0] * (GRID_BUCKETS - 1)


def test_a_numbers_grid_is_of_the_transformed_values(tmp_path: Path) -> None:
    # log(1 + x) of e^k - 1 is k; of 1 … 1000 in two batches the boundaries lie at 20, 40, … 980
    values = np.random.default_rng(1).permutation(np.linspace(0.01, 10.0, 1000))
    prices = [float(price) for price in np.expm1(values)]
    known = analyse([batch([None] * 500, prices[:500]), batch([None] * 500, prices[500:])], TABLE, tmp_path)
    assert known.grids["price"] == pytest.approx([0.2 * step for step in range(1, GRID_BUCKETS)], abs=0.05)
