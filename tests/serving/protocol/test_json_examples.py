from __future__ import annotations

import json
import math

import pytest

from serving.protocol.json_examples import read_examples
from serving.request_error import Code, RequestError


def features(serialized: bytes) -> dict[str, object]:
    from tensorflow.core.example import example_pb2

    read = {}
    for name, feature in example_pb2.Example.FromString(serialized).features.feature.items():
        kind = feature.WhichOneof("kind")
        read[name] = list(getattr(feature, kind).value) if kind else None
    return read


def test_values_decide_the_kind_of_a_feature() -> None:
    document = {
        "signature_name": "s",
        "examples": [
            {"text": ["é", {"b64": "/w=="}], "one": "x", "whole": [1, True, False],
             "real": [0.5, math.nan], "none": []},
            {"real": [1e300, -(2.0**64)], "whole": -(2**63)},
        ],
    }  # fmt: skip
    request = read_examples(document)
    assert request.signature_name == "s"
    first, second = map(features, request.examples)
    assert (first["text"], first["one"], first["whole"]) == (["é".encode(), b"\xff"], [b"x"], [1, 1, 0])
    assert (first["none"], str(first["real"])) == (None, "[0.5, nan]")
    assert second == {"real": [math.inf, -(2.0**64)], "whole": [-(2**63)]}


def test_the_context_is_merged_into_each_example() -> None:
    request = read_examples({"context": {"q": "pizza", "x": 1}, "examples": [{"x": 2}, {}]})
    assert [features(each) for each in request.examples] == [{"q": [b"pizza"], "x": [2]}, {"q": [b"pizza"], "x": [1]}]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"signature_name": ["x"], "examples": [{}]}, "'signature_name' key must be a string value."),
        ({"context": [{}], "examples": [{}]}, "Example must be JSON object but got JSON Array"),
        ({}, "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
        ({"examples": {"x": 1}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [[{}]]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{"x": [1, None]}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [1, {"test": 1}]}]}, "Feature: x has element with unexpected JSON type: Object"),
        ({"examples": [{"x": [[1], 2]}]}, "Feature: x has element with unexpected JSON type: Array"),
        ({"examples": [{"x": [1, 1.0]}]}, "Unexpected element type in feature: x expecting type: int64"),
        ({"examples": [{"x": [1.0, True]}]}, "Unexpected element type in feature: x expecting type: float"),
        ({"examples": [{"x": ["a", 1]}]}, "Unexpected element type in feature: x expecting type: bytes"),
        ({"examples": [{"x": [20, 2**64 - 13]}]}, "Feature: x has uint64_t element. Only int64_t is supported."),
        ({"examples": [{"x": {"b64": "!"}}]}, "Unable to base64 decode"),
    ],
)
def test_what_is_no_example_is_named(document: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_examples(json.loads(json.dumps(document)))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert message in caught.value.message
