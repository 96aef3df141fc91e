"""What pandas and numpy put in the place of Python's values."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from serving.clients.client_columns import Column, ModelInputs, to_columns
from serving.clients.client_errors import RowError
from serving.clients.predictions import Prediction, to_frame
from serving.clients.row_source import FrameRows, row_source

INPUTS = ModelInputs(1, {"bid": "DT_FLOAT", "hour": "DT_INT64", "site": "DT_STRING"})
LEAST = -(2**63)


def columns_of(**series: object) -> dict[str, Column]:
    return to_columns(row_source(pd.DataFrame(series)), INPUTS)


@pytest.mark.parametrize(
    ("bid", "expected"),
    [
        (pd.Series([1, 2]), [1.0, 2.0]),
        (pd.Series([1, None], dtype="Int64"), [1.0, math.nan]),
        (pd.Series([0.5, None], dtype="Float32"), [0.5, math.nan]),
        (pd.Series(["0.5", " "]), [0.5, math.nan]),
        (pd.Series([Decimal("0.5"), pd.NA], dtype=object), [0.5, math.nan]),
        (pd.Series([np.float32(0.5), np.int8(3)], dtype=object), [0.5, 3.0]),
        (pd.Series([True, False]), [1.0, 0.0]),
        (pd.Categorical([0.5, None]), [0.5, math.nan]),
    ],
)
def test_numbers(bid: object, expected: list[float]) -> None:
    np.testing.assert_array_equal(columns_of(bid=bid)["bid"], expected)
    assert {type(value) for value in columns_of(bid=bid)["bid"]} == {float}


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (pd.Series([12.0, math.nan]), [12, LEAST]),  # integers beside a missing value
        (pd.Series([12, None], dtype="Int64"), [12, LEAST]),
        (pd.to_datetime(pd.Series(["1970-01-02 00:00:10", None])), [86_410, LEAST]),
        (pd.to_datetime(pd.Series(["1970-01-02T01:00:10+01:00", None])), [86_410, LEAST]),
        (pd.Series([np.datetime64("1970-01-02T00:00:10.5", "ns"), pd.NaT], dtype=object), [86_410, LEAST]),
        (pd.Series([datetime.date(1970, 1, 2), None], dtype=object), [86_400, LEAST]),
        (pd.Series([np.int64(5), Decimal(7)], dtype=object), [5, 7]),
    ],
)
def test_integers_and_times(hour: object, expected: list[int]) -> None:
    assert columns_of(hour=hour)["hour"] == expected
    assert {type(value) for value in columns_of(hour=hour)["hour"]} == {int}


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (pd.Series(["a", None]), [b"a", b""]),
        (pd.Series(["a", pd.NA], dtype="string"), [b"a", b""]),
        (pd.Categorical(["ü", None]), ["ü".encode(), b""]),
        (pd.Series([12.0, math.nan]), [b"12", b""]),  # the vocabulary was learnt from 12
        (pd.Series([12.5, np.float64(1e300)], dtype=object), [b"12.5", b"1e+300"]),
        (pd.Series([b"\xff", bytearray(b"x")], dtype=object), [b"\xff", b"x"]),
    ],
)
def test_texts(site: object, expected: list[bytes]) -> None:
    assert columns_of(site=site)["site"] == expected


def test_missing_and_extra_columns() -> None:
    columns = columns_of(bid=[1.0, 2.0], other=[object(), object()])
    assert columns["hour"] == [LEAST, LEAST]
    assert columns["site"] == [b"", b""]
    with pytest.raises(RowError, match=r"none of its fields \(other\) is a feature of the model \(bid, hour, site\)"):
        columns_of(other=[1])
    with pytest.raises(ValueError, match="column 'bid' stands twice in the frame"):
        row_source(pd.DataFrame([[1, 2]], columns=["bid", "bid"]))


def test_errors_count_rows_by_place_not_by_index() -> None:
    frame = pd.DataFrame({"bid": [1.0, "abc"]}, index=[70, 80])
    with pytest.raises(RowError, match="row 1, field 'bid', value 'abc'"):
        to_columns(FrameRows(frame), INPUTS)


def test_what_is_no_list_of_rows_is_refused() -> None:
    for rows in ({"bid": 1}, "bid", 3, iter([{"bid": 1}])):
        with pytest.raises(ValueError, match="give a list of dicts or a pandas DataFrame"):
            row_source(rows)
    with pytest.raises(RowError, match="row 1, is int; give a dict of feature name and value"):
        row_source([{"bid": 1}, 3])


def test_predictions_stand_on_the_frames_index() -> None:
    index = pd.Index(["x", "y"], name="id")
    frame = to_frame([Prediction(0.25, 7, "known"), Prediction(0.5, None, None)], index)
    assert frame.index.equals(index)
    assert frame.dtypes.astype(str).to_dict() == {
        "click_probability": "float64", "model_version": "Int64", "creative_status": "object",
    }  # fmt: skip
    assert frame.loc["x"].tolist() == [0.25, 7, "known"]
    assert pd.isna(frame.loc["y", "model_version"])
    assert list(to_frame([], pd.Index([])).columns) == ["click_probability", "model_version"]
