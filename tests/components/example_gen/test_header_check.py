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


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(
        DataError, match=r"^m.csv: line 1: column 'price' stands twice in the header; rename one of them$"
    ):
        check_header("m.csv", ["price", "device", "price", "clicked"], TABLE)


@pytest.mark.parametrize("header", [["u1", "desktop", "0.5", "0"], ["u1", "u1", "0.5", "0"], ["u1;desktop"]])
def test_a_first_row_in_the_headers_place_is_not_shown_where_columns_are_private(header: list[str]) -> None:
    entries = [{**entry, "pii": "hash"} if entry["name"] == "device" else entry for entry in TABLE.model_dump()]
    with pytest.raises(DataError) as raised:
        check_header("m.csv", header, FeatureTable.model_validate(entries))
    assert not any(cell in str(raised.value) for cell in ("u1", "desktop", "0.5"))
    assert "(withheld: pii)" in str(raised.value)
