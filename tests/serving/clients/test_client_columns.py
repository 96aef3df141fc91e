from __future__ import annotations

import math

import pytest

from adclick.errors import SettingsError
from adclick.privacy import hashed
from serving.clients.client_columns import ModelInputs, Row, read_model_inputs, to_columns
from serving.clients.client_errors import RowError, SignatureError

INPUTS = ModelInputs(1, {"bid": "DT_FLOAT", "hour": "DT_INT64", "site": "DT_STRING"})


def test_missing_values_follow_the_models_conventions() -> None:
    for missing in (
        {"hour": None, "site": ""},
        {"hour": " ", "site": None},
        {"hour": math.nan, "site": math.nan},
    ):
        columns = to_columns([missing], INPUTS)
        assert math.isnan(columns["bid"][0])
        assert columns["hour"] == [-(2**63)]
        assert columns["site"] == [b""]


def test_values_take_the_type_of_the_input() -> None:
    columns = to_columns([{"bid": "1e2", "hour": "3.0", "site": {"b64": "/wA="}, "other": object()}], INPUTS)
    assert columns == {"bid": [100.0], "hour": [3], "site": [b"\xff\0"]}
    assert isinstance(to_columns([{"bid": 3}], INPUTS)["bid"][0], float)
    assert to_columns([{"hour": str(2**62 + 1)}], INPUTS)["hour"] == [2**62 + 1]  # beyond a double's 53 bits


NOT_WHOLE = (
    "neither a whole number nor an ISO 8601 time; give one such as 12, or leave the field empty where it is missing"
)


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("bid", "abc", "not a number; give one such as 12.5, or leave the field empty where it is missing"),
        ("bid", [1.0], "not a number; give one such as 12.5, or leave the field empty where it is missing"),
        ("bid", 1e39, "beyond float32; give a number between ±3.403e+38"),
        (
            "hour",
            "3.5",
            NOT_WHOLE,
        ),
        (
            "hour",
            "inf",
            NOT_WHOLE,
        ),
        ("hour", 2**63, f"beyond int64; give a whole number from {1 - 2**63} to {2**63 - 1}"),
        ("site", True, 'neither text nor bytes; give a string, or {"b64": "…"} for bytes'),
        ("site", {"b64": "!"}, "not valid base64 (RFC 4648, section 4)"),
        ("site", "\ud800", "not valid text; give it as UTF-8 or as bytes"),
    ],
)
def test_errors_name_row_field_value_and_fix(field: str, value: object, fix: str) -> None:
    with pytest.raises(RowError) as caught:
        to_columns([{"site": "x"}, {field: value}], INPUTS)
    assert str(caught.value) == f"row 1, field {field!r}, value {value!r}: {fix}"


def test_a_row_without_any_feature_is_an_error_of_the_header() -> None:
    with pytest.raises(RowError, match=r"row 0, none of its fields \(bid;hour\) is a feature of the model"):
        to_columns([{"bid;hour": "1;2"}], INPUTS)


def test_long_values_are_cut_in_errors() -> None:
    with pytest.raises(RowError) as caught:
        to_columns([{"bid": "x" * 1000}], INPUTS)
    assert len(str(caught.value)) < 250


def test_foreign_signatures_are_refused() -> None:
    with pytest.raises(SignatureError, match="gives score, not click_probability"):
        read_model_inputs("m", 1, {"predict": ({}, ["score"])})
    with pytest.raises(SignatureError, match="input 'x' of model 'm' version 1 is DT_HALF"):
        read_model_inputs("m", 1, {"predict": ({"x": "DT_HALF"}, ["click_probability"])})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-02T00:00:10Z", 86_410),  # a day of 86,400 s and 10 s
        ("1970-01-02T01:00:10+01:00", 86_410),
        ("1970-01-02 00:00:10", 86_410),  # without an offset: UTC, as the ingest takes it
        ("86410", 86_410),
    ],
)
def test_times_are_sent_as_seconds(written: str, seconds: int) -> None:
    assert to_columns([{"hour": written}], INPUTS)["hour"] == [seconds]


KEY = "0123456789abcdef"
PRIVATE = ModelInputs(1, {"user_hashed": "DT_STRING", "bid": "DT_FLOAT"})


def test_a_value_goes_as_its_hash_where_the_model_wants_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCLICK_PII_KEY", KEY)
    expected = hashed("user", b"u1", KEY.encode()).encode()
    rows: list[Row] = [{"user": "u1"}, {"user_hashed": expected.decode()}, {"user": ""}, {"bid": 1}]
    assert to_columns(rows, PRIVATE)["user_hashed"] == [expected, expected, b"", b""]


def test_without_the_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADCLICK_PII_KEY", raising=False)
    with pytest.raises(SettingsError, match=r"feature 'user' has pii: hash, but .* ADCLICK_PII_KEY is not set"):
        to_columns([{"user": "u1"}], PRIVATE)
    assert to_columns([{"user_hashed": "ab"}], PRIVATE)["user_hashed"] == [b"ab"]


def test_a_private_value_that_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCLICK_PII_KEY", KEY)
    with pytest.raises(RowError) as caught:
        to_columns([{"user": ["secret"]}], PRIVATE)
    assert "secret" not in str(caught.value)
    assert "withheld" in str(caught.value)
