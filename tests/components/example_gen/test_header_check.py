"""A header against the feature table."""

from __future__ import annotations

import pytest

from adclick.errors import DataError
from components.example_gen.header_check import check_header
from configs.features import FeatureTable

TABLE = FeatureTable.model_validate(
    [
        {"name": "device", "kind": "categorical"},
        {"name": "price", "kind": "numeric"},
        {"name": "internal", "kind": "ignore"},
        {"name": "clicked", "kind": "label"},
    ]
)


def test_columns_beyond_the_table_are_left_out() -> None:
    assert check_header("m.csv", ["extra", "clicked", "device", "more", "price"], TABLE) == ["extra", "more"]


def test_an_ignored_column_may_be_missing() -> None:
    assert check_header("m.csv", ["clicked", "device", "price"], TABLE) == []


def test_each_missing_column_is_named_with_the_likeliest_new_name() -> None:
    with pytest.raises(DataError) as raised:
        check_header("m.csv", ["device_type", "clicked", "qqq"], TABLE)
    assert str(raised.value) == (
        "m.csv: line 1: the header lacks categorical column 'device' (renamed to 'device_type'?), "
        "numeric column 'price'; it has device_type, clicked, qqq. "
        "Correct the header, or change the feature table to what the file holds"
    )
