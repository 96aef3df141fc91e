"""Slices of the evaluation rows from ExampleGen's columns, derived ones too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.evaluator.eval_columns import ColumnError, number_values
from components.evaluator.slices import slicings_from_columns
from components.example_gen.columns import write_columns


def write(folder: Path, split: str, span: int, part: str, columns: dict[str, list[Any]]) -> None:
    """Rows of one file; None means missing."""
    arrays = []
    for values in columns.values():
        lists = [None if value is None else value if isinstance(value, list) else [value] for value in values]
        first = next(one[0] for one in lists if one)
        kind = pa.binary() if isinstance(first, str) else pa.int64() if isinstance(first, int) else pa.float32()
        arrays.append(pa.array(lists, pa.list_(kind)))
    place = folder / f"Split-{split}"
    place.mkdir(parents=True, exist_ok=True)
    write_columns(pa.RecordBatch.from_arrays(arrays, list(columns)), str(place), span, part)


@pytest.fixture
def columns(tmp_path: Path) -> str:
    write(tmp_path, "train", 1, "00000-00000", {"device": ["tv"], "user": ["anna"], "age": [30]})
    write(tmp_path, "eval", 1, "00001-00000", {"device": ["tv", None], "user": ["anna", "bert"], "age": [30, 31]})
    write(tmp_path, "eval", 2, "00002-00000", {"device": ["pc", "tv"], "user": [None, "cora"], "age": [30, 30]})
    return str(tmp_path)


def named(columns: str, *wanted: tuple[str, ...]) -> list[list[Any]]:
    """Each row's key, None for none, by slicing."""
    return [
        [None if code < 0 else dict(one.keys[code]) for code in one.ids]
        for one in slicings_from_columns(columns, wanted)
    ]


def test_all_rows_come_first_and_a_missing_value_is_in_no_slice(columns: str) -> None:
    overall, device = named(columns, (), ("device",))
    assert overall == [{}, {}, {}, {}]
    assert device == [{"device": "tv"}, None, {"device": "pc"}, {"device": "tv"}]


def test_crossed_columns_need_all_their_values(columns: str) -> None:
    _, crossed = named(columns, ("device", "age"))
    assert crossed == [{"age": 30, "device": "tv"}, None, {"age": 30, "device": "pc"}, {"age": 30, "device": "tv"}]


def test_known_are_values_that_training_has_seen(columns: str) -> None:
    _, user = named(columns, ("known:user",))
    assert user == [{"known:user": "known"}, {"known:user": "new"}, None, {"known:user": "new"}]


def test_span_is_where_a_row_came_from(columns: str) -> None:
    _, span = named(columns, ("span",))
    assert span == [{"span": 1}, {"span": 1}, {"span": 2}, {"span": 2}]


def test_a_column_of_several_values_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "eval", 0, "00000-00000", {"tags": [["a", "b"], None]})
    with pytest.raises(ColumnError, match="'tags', which has several values in a row"):
        slicings_from_columns(str(tmp_path), [("tags",)])


def test_numbers_keep_the_order_of_the_rows_and_fill_gaps(tmp_path: Path) -> None:
    write(tmp_path, "eval", 0, "00000-00000", {"weight": [2.5, None]})
    write(tmp_path, "eval", 0, "00001-00000", {"weight": [0.5]})
    assert np.array_equal(number_values(str(tmp_path), "weight", 1.0), [2.5, 1.0, 0.5])
