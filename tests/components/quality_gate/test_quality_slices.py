"""Rows by slice, and which slices decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.quality_gate.slices import LeftOut, Slicing, deciding, slicings
from configs.evaluation import SliceBounds

DEVICE = np.array([b"tv", b"phone", b"", b"phone"], object)
PLACE = np.array([2, 1, 1, 1])


def test_slices_are_named_by_column_and_value() -> None:
    (device, both) = slicings([("device",), ("device", "place")], {"device": DEVICE, "place": PLACE})
    assert device.names == ("device=(missing)", "device=phone", "device=tv")
    assert device.ids.tolist() == [2, 1, 0, 1]
    assert both.names == ("device=(missing), place=1", "device=phone, place=1", "device=tv, place=2")
    assert both.ids.tolist() == [2, 1, 0, 1]


def test_numbers_and_what_is_no_utf8_have_names_too() -> None:
    columns = {"age": np.array([30.5, np.nan, 30.5], np.float32), "site": np.array([b"\xff", b"a", b"a"], object)}
    age, site = slicings([("age",), ("site",)], columns)
    assert age.names == ("age=30.5", "age=(missing)")
    assert age.ids.tolist() == [0, 1, 0]
    assert site.names == ("site=a", "site=\ufffd")


def test_no_columns_are_no_slicing() -> None:
    assert slicings([], {}) == []
    assert slicings([()], {}) == []


def test_small_slices_and_those_with_one_class_do_not_decide() -> None:
    """a: 6 rows, 2 clicks: large; b: 3 rows; c: 5 rows, 1 click; d: 5 rows, 4 of them clicks."""
    label = np.array([1.0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    slicing = Slicing(("x=a", "x=b", "x=c", "x=d"), np.repeat([0, 1, 2, 3], [6, 3, 5, 5]))
    large, left_out = deciding(slicing, label, SliceBounds(min_rows=5, min_clicks=2))
    assert large.tolist() == [True, False, False, False]
    assert left_out == [
        LeftOut("x=b", 3, 2, "3 rows, fewer than 5"),
        LeftOut("x=c", 5, 1, "1 rows with a click, fewer than 2"),
        LeftOut("x=d", 5, 4, "1 rows without a click, fewer than 2"),
    ]


def test_a_slices_values_are_read_from_the_examples(tmp_path: Path) -> None:
    import tensorflow as tf

    from components.quality_gate.slice_columns import slice_columns
    from configs.features import FeatureTable

    table = FeatureTable.model_validate(
        [
            {"name": "device", "kind": "categorical"},
            {"name": "age", "kind": "numeric"},
            {"name": "time", "kind": "timestamp"},
            {"name": "clicked", "kind": "label"},
        ]
    )
    whole = {
        "device": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"tv"])),
        "age": tf.train.Feature(float_list=tf.train.FloatList(value=[3.5])),
        "time": tf.train.Feature(int64_list=tf.train.Int64List(value=[7])),
    }
    empty = {"device": tf.train.Feature(bytes_list=tf.train.BytesList())}
    records = [tf.train.Example(features=tf.train.Features(feature=one)) for one in ({}, whole, empty)]
    with tf.io.TFRecordWriter(f"{tmp_path}/part-0.gz", "GZIP") as writer:
        for record in records:
            writer.write(record.SerializeToString())
    found = slice_columns([str(tmp_path)], [("device",), ("age", "time")], table)
    assert found["device"].tolist() == [b"", b"tv", b""]
    assert found["age"].tolist() == pytest.approx([np.nan, 3.5, np.nan], nan_ok=True)
    assert found["time"].tolist() == [-1, 7, -1]
    assert slice_columns([str(tmp_path)], [], table) == {}
