from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from random import Random

import pytest

from serving.protocol.json_debug import debug_string
from serving.protocol.json_text import parse_object
from serving.request_error import RequestError


def error(body: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        parse_object(body)
    return caught.value.message


def test_not_a_number_and_infinities_are_numbers_and_trailing_text_is_ignored() -> None:
    document = parse_object(b' {"a": [NaN, Infinity, -Infinity]} trailing')
    assert math.isnan(document["a"][0])
    assert document["a"][1:] == [math.inf, -math.inf]


# Words and offsets as RapidJSON 1.1.0 gives them, with the flags that TF Serving passes it.
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b"  ", "The document is empty. at offset: 2"),
        (b"\xef\xbb\xbf  ", "The document is empty. at offset: 5"),
        (b",", "The document is empty. at offset: 0"),
        (b"xyz", "Invalid value. at offset: 0"),
        (b'{"a": 1', "Missing a comma or '}' after an object member. at offset: 7"),
        (b'{"a": {"b": [1, 2]} x', "Missing a comma or '}' after an object member. at offset: 20"),
        (b'{"a": [1 2]}', "Missing a comma or ']' after an array element. at offset: 9"),
        (b'{"a": "[{", "b": [1 2]}', "Missing a comma or ']' after an array element. at offset: 20"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b"{1}", "Missing a name for object member. at offset: 1"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'{"a":[1,]}', "Invalid value. at offset: 8"),
        (b'{"a":tru}', "Invalid value. at offset: 8"),
        (b'{"a":-x}', "Invalid value. at offset: 6"),
        (b'{"a":1.}', "Miss fraction part in number. at offset: 7"),
        (b'{"a":1e+}', "Miss exponent in number. at offset: 8"),
        (b'{"a":1e400}', "Number too big to be stored in double. at offset: 5"),
        (b'{"a":[NaN, "1e400", 1e400]}', "Number too big to be stored in double. at offset: 20"),
        (b'{"a":' + b"9" * 5000 + b"}", "Number too big to be stored in double. at offset: 5"),
        (b'{"\xc3\xa9": "x', "Missing a closing quotation mark in string. at offset: 9"),
        (b'{"a":"x\0y"}', "Missing a closing quotation mark in string. at offset: 7"),
        (b'{"a": "\\x"}', "Invalid escape character in string. at offset: 7"),
        (b'{"a":"x\ny"}', "Invalid escape character in string. at offset: 7"),
        (b'{"a":"\\u12g4"}', "Incorrect hex digit after \\u escape in string. at offset: 6"),
        (b'{"a":"\\ud800\\u0041"}', "The surrogate pair in string is invalid. at offset: 6"),
        (b'{"a": "\xff"}', "Invalid encoding in string. at offset: 7"),  # RapidJSON lets it pass
    ],
)
def test_malformed_documents_get_the_parsers_words_and_a_byte_offset(body: bytes, message: str) -> None:
    assert error(body) == f"JSON Parse error: {message}"


def test_any_other_value_than_an_object_is_quoted() -> None:
    assert error(b"3") == "JSON Value: 3 Is not object"
    assert error(b"[1,\n2]") == "JSON Value: [1, 2] Is not object"


@pytest.mark.parametrize("tail", [b"", b', "n": NaN'])  # with NaN the slower parser answers: it has to agree
def test_both_parsers_read_alike(tail: bytes) -> None:
    body = b'{"big": [18446744073709551615, 18446744073709551616, -9223372036854775809], "zero": [-0, -0.0], '
    body += b'"text": "\\ud83d\\ude00\\\\ud800 \\u00e9", "a": 1, "a": 2, "tiny": 5e-324' + tail + b"}"
    document = parse_object(body)
    assert [repr(number) for number in document["big"]] == [
        "18446744073709551615",
        "1.8446744073709552e+19",
        "-9.223372036854776e+18",
    ]
    assert [repr(number) for number in document["zero"]] == ["0", "-0.0"]
    assert (document["text"], document["tiny"]) == ("\U0001f600\\ud800 \xe9", 5e-324)
    assert document["a"] == 1  # of a repeated key the first counts


def test_the_first_of_repeated_columns_and_row_keys_counts() -> None:
    assert parse_object(b'{"inputs": {"x": [1], "x": [2], "y": "x"}}') == {"inputs": {"x": [1], "y": "x"}}
    assert parse_object(b'{"instances": [{"x": 1, "x": 2}]}') == {"instances": [{"x": 1}]}
    assert parse_object(b'{"instances": [{"x": "x"}, {"x": "x"}]}')["instances"] == [{"x": "x"}] * 2


def test_repeated_keys_are_found_however_they_are_written() -> None:
    random = Random(3)
    names = ["x", "b64", "y:", 'q\\"', " "]

    def members(inner: Sequence[str]) -> str:
        pairs = [
            f'"{random.choice(names)}"{random.choice(["", " ", "  "])}:{random.choice(inner)}'
            for _ in range(random.randint(1, 4))
        ]
        return "{" + ",".join(pairs) + "}"

    def first_wins(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return dict(reversed(pairs))

    repeated = 0
    for _ in range(2000):
        rows = [members(["1", '"a\\":"', '{"b64": "eA=="}', '{"b64":""}']) for _ in range(random.randint(1, 3))]
        text = f'{{"instances": [{", ".join(rows)}], "inputs": {members(["1", "[2]"])}, "a": 1}}'
        assert parse_object(text.encode()) == json.loads(text, object_pairs_hook=first_wins), text
        repeated += json.loads(text) != json.loads(text, object_pairs_hook=first_wins)
    assert repeated > 100


def test_null_within_strings_and_beside_nan_is_kept() -> None:
    assert repr(parse_object(b'{"a": [NaN, [1, NaN], {"b": NaN}], "c": NaN}')) == (
        "{'a': [nan, [1, nan], {'b': nan}], 'c': nan}"
    )
    assert repr(parse_object(b'{"a": [NaN, null], "NaN": "a NaN"}')) == "{'a': [nan, None], 'NaN': 'a NaN'}"
    assert repr(parse_object(b'{"a": [NaN], "b": "NaN"}')) == "{'a': [nan], 'b': 'NaN'}"


def test_rare_forms_of_numbers_that_rapidjson_knows() -> None:
    document = parse_object(b'{"a": [Inf, -Inf, -NaN, Infinity], "b": "Inf, \\"-NaN"}')
    assert (document["a"][:2], document["b"]) == ([math.inf, -math.inf], 'Inf, "-NaN')
    assert math.isnan(document["a"][2])


def test_depth_counts_brackets_outside_strings_only() -> None:
    def nested(levels: int) -> bytes:  # levels in all, the object's own included
        return b'{"a": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    assert parse_object(nested(100))
    assert error(nested(101)) == "JSON Parse error: Nested deeper than 100 levels"
    assert parse_object(b'{"a": "' + b"[" * 500 + b'\\\\\\"' + b"[" * 500 + b'"}')
    assert error(b'{"a": "\\\\", "b": ' + b"[" * 500) == "JSON Parse error: Nested deeper than 100 levels"
    flat = b'{"a": [' + b",".join([b"[[1],[2]]"] * 200_000) + b"]}"  # 1.8 MB: beyond one block
    assert len(parse_object(flat)["a"]) == 200_000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": "' + b'\\"' * (16 << 20) + b'", "b": ' + b"[" * (31 << 20), "lists and objects"),
        (b'{"a": "' + b'\\"' * (16 << 20) + b'", "b": ' + b"[" * 500_000, "Nested deeper than 100 levels"),
        (b'{"a": [' + b"0," * (32 << 20) + b"0]}", "values, more than the 4000000 allowed"),
        (b'{"a": [' + b"[]," * (21 << 20) + b"0]}", "lists and objects"),
        (b'{"a": "' + b"\\ud800" * (10 << 20) + b'"}', "The surrogate pair in string is invalid. at offset: 7"),
        (b'{"a": ' + b"9" * (64 << 20) + b"}", "Number too big to be stored in double."),
    ],
    ids=["brackets", "depth", "values", "lists", "surrogates", "digits"],
)
def test_bodies_of_64_mb_are_refused_quickly(body: bytes, message: str) -> None:
    started_s = time.process_time()
    assert message in error(body)
    assert time.process_time() - started_s < 5  # measured: 0.1 to 1.8 s


def test_values_are_quoted_as_the_original_quotes_them() -> None:
    assert debug_string({"a": [[], [1, {}], {"b": {}}], "c": True}) == (
        '{\n    "a": [[], [1, {}], {\n            "b": {}\n        }],\n    "c": true\n}'
    )
    numbers = [1.8446744073709552e19, 1e20, 1e21, 1e22, 1.5e-7, 1e-6, 0.1, 0, -0.0, 1e300, 123456789.125, -12.5]
    assert debug_string(numbers) == (
        "[18446744073709552000.0, 100000000000000000000.0, 1e21, 1e22, 1.5e-7, 0.000001, 0.1, 0, -0.0, 1e300, "
        "123456789.125, -12.5]"
    )
    assert debug_string("x\x1f\xe9/") == '"x\\u001F\xe9/"'
    assert debug_string([1, math.nan, 2]) == "[1, "  # its writer gives up at what JSON has no number for


def test_quotes_are_cut_at_256_bytes_at_the_end_of_a_value() -> None:
    # "[0, 1, ..., 9" is 29 bytes, each two-digit number adds 4: 28 + 4 n >= 256 at n = 57, the number 66.
    assert debug_string(list(range(1000))) == str(list(range(67)))[:-1]


def test_many_keys_are_read_in_time_by_their_number() -> None:
    body = json.dumps({"inputs": {f"k{number}": 0 for number in range(300_000)}}).encode()
    start_s = time.process_time()
    document = parse_object(body)
    assert len(document["inputs"]) == 300_000
    assert time.process_time() - start_s < 2.0  # looking for each of them in the whole body takes minutes
