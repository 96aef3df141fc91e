from __future__ import annotations

import math
import time

import pytest

from serving.protocol.json_text import debug_string, parse_object
from serving.request_error import RequestError


def error(body: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        parse_object(body)
    return caught.value.message


def test_not_a_number_and_infinities_are_numbers_and_trailing_text_is_ignored() -> None:
    document = parse_object(b' {"a": [NaN, Infinity, -Infinity]} trailing')
    assert math.isnan(document["a"][0])
    assert document["a"][1:] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  ", "JSON Parse error: The document is empty at offset: 0"),
        (b'{"a": 1', "JSON Parse error: Missing a comma or } after an object member. at offset: 7"),
        (b'{"a": [1 2]}', "JSON Parse error: Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a" 1}', "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        (b'{"\xc3\xa9": "x', "JSON Parse error: Missing a closing quotation mark in string. at offset: 7"),
        (b'{"a": "\\x"}', "JSON Parse error: Invalid escape character in string. at offset: 7"),
        (b'{"a": "\xff"}', "JSON Parse error: Invalid encoding in string. at offset: 7"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON Parse error: Number too big to be stored in double."),
        (b"3", "JSON Value: 3 Is not object"),
    ],
)
def test_malformed_documents_get_the_parsers_words_and_a_byte_offset(body: bytes, message: str) -> None:
    assert error(body) == message


def test_depth_counts_brackets_outside_strings_only() -> None:
    def nested(levels: int) -> bytes:  # levels in all, the object's own included
        return b'{"a": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    assert parse_object(nested(100))
    assert error(nested(101)) == "JSON Parse error: Nested deeper than 100 levels"
    assert parse_object(b'{"a": "' + b"[" * 500 + b'\\\\\\"' + b"[" * 500 + b'"}')
    assert error(b'{"a": "\\\\", "b": ' + b"[" * 500) == "JSON Parse error: Nested deeper than 100 levels"
    flat = b'{"a": [' + b",".join([b"[[1],[2]]"] * 200_000) + b"]}"  # 1.8 MB: beyond one block
    assert len(parse_object(flat)["a"]) == 200_000


def test_the_depth_of_64_mb_of_brackets_is_refused_within_a_second() -> None:
    quotes = b'{"a": "' + b'\\"' * (16 << 20) + b'", "b": ' + b"[" * (32 << 20)
    started_s = time.monotonic()
    assert error(quotes) == "JSON Parse error: Nested deeper than 100 levels"
    assert time.monotonic() - started_s < 1


def test_values_are_quoted_as_the_original_quotes_them() -> None:
    assert debug_string({"a": [1, {"b": None}], "c": True}) == (
        '{\n    "a": [1, {\n        "b": null\n    }],\n    "c": true\n}'
    )
    assert len(debug_string(list(range(1000)))) < 260  # cut at 256 bytes, at the end of a token
