"""Transformed Examples to rows in memory."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from transform_sample import TABLE, Sample

from components.creative_gen.store import CreativePixels
from configs.features import FeatureTable
from trainer.dataset import Rows, load_rows
from trainer.preprocessing import dense_names

STORE = CreativePixels(("a.png", "b.png"), np.zeros((2, 16, 16, 3), np.uint8))


@pytest.fixture(scope="module")
def rows(sample: Sample) -> Rows:
    """The sample's two files."""
    return load_rows([str(sample.examples / "*.gz")], sample.output, TABLE, STORE)


def test_rows_stand_in_file_order(rows: Rows) -> None:
    assert len(rows) == 6
    assert rows.label.tolist() == [1, 0, 0, 1, 0, 0]
    assert rows.inputs["age"].numpy().tolist() == [1, 1, 2, 2, 0, 0]
    assert rows.inputs["price"].numpy() == pytest.approx([-1, 1, -1, 1, -1, 1], abs=1e-5)


def test_the_order_of_the_patterns_is_no_matter(sample: Sample, rows: Rows) -> None:
    files = [str(sample.examples / f"part-{number}.gz") for number in (1, 0)]
    again = load_rows(files, sample.output, TABLE, STORE)
    assert again.inputs["bid"].numpy().tolist() == rows.inputs["bid"].numpy().tolist()
    assert again.creative.tolist() == rows.creative.tolist()
    assert again.inputs["topics"].to_list() == rows.inputs["topics"].to_list()


def test_a_missing_weight_is_one(rows: Rows) -> None:
    assert rows.weight.tolist() == [2.0, 1.0, 0.5, 1.0, 1.0, 1.0]


def test_every_row_weighs_one_without_a_weight_column(sample: Sample) -> None:
    table = FeatureTable.model_validate([one.model_dump() for one in TABLE if one.kind != "weight"])
    found = load_rows([str(sample.examples / "*.gz")], sample.output, table, STORE)
    assert found.weight.tolist() == [1.0] * 6
    assert "importance" not in found.inputs  # nor does it become a number for the model


def test_creatives_are_places_in_the_store(rows: Rows) -> None:
    # the rows name b, a, one that is not stored, a, none, b
    assert rows.creative.tolist() == [1, 0, -1, 0, -1, 1]


def test_words_stay_ragged_over_the_files(rows: Rows) -> None:
    cars, boats, tea = tf.strings.to_hash_bucket_fast(["cars", "boats", "tea"], 1000).numpy().tolist()
    assert rows.inputs["topics"].to_list() == [[cars, boats], [cars], [], [], [boats, cars], [tea]]


def test_inputs_are_numbers_and_ids_alone(rows: Rows) -> None:
    ids = {"age", "tenure", "never_cut", "region", "campaign", "page", "topics"}
    assert set(rows.inputs) == ids | set(dense_names(TABLE))
    assert {name for name, value in rows.inputs.items() if value.dtype == tf.int64} == ids
