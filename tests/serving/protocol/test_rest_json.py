from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import specs

from serving.models.loader import Signature, TensorSpec
from serving.protocol.json_array import to_array
from serving.protocol.rest_json import read_inputs, signature_name
from serving.request_error import Code, RequestError


def signature(**inputs: TensorSpec) -> Signature:
    return Signature("s", "tensorflow/serving/predict", dict(sorted(inputs.items())), {})


def error(document: Mapping[str, Any], **inputs: TensorSpec) -> str:
    with pytest.raises(RequestError) as caught:
        read_inputs(document, signature(**inputs))
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_integers_are_floats_but_floats_and_booleans_are_no_integers() -> None:
    assert to_array([1, 2.5], specs.FLOAT).tolist() == [1.0, 2.5]
    with pytest.raises(RequestError, match=r"JSON Value: 1.0 Type: Number is not of expected type: int64"):
        to_array([1.0], specs.INT64)
    with pytest.raises(RequestError, match="JSON Value: true Type: True is not of expected type: float"):
        to_array([True], specs.FLOAT)
    with pytest.raises(RequestError, match="JSON Value: null Type: Null is not of expected type: string"):
        to_array(None, specs.STRING)
    with pytest.raises(RequestError, match=f"JSON Value: {2**63} Type: Number is not of expected type: int64"):
        to_array(2**63, specs.INT64)


def test_beyond_float32_is_an_infinity() -> None:
    arrays, _ = read_inputs({"inputs": [1e300, -1e300, 2.2e-308, 2**64 - 1]}, signature(x=specs.FLOAT))
    assert arrays["x"].tolist() == [np.inf, -np.inf, 0, float(2**64)]


def test_strings_stay_strings_beside_bytes() -> None:
    assert to_array(["a\0", {"b64": "/wA="}, {"b64": "/wA"}], specs.STRING).tolist() == [
        "a\0",
        b"\xff\0",
        b"\xff\0",
    ]
    with pytest.raises(RequestError, match="Unable to base64 decode"):
        to_array({"b64": "!"}, specs.STRING)
    with pytest.raises(RequestError, match="not formatted correctly for base64 data"):
        to_array({"b64": "AA", "more": 1}, specs.STRING)


def test_ragged_lists_name_the_level() -> None:
    assert to_array([[1, 2], [3, 4]], specs.INT32).shape == (2, 2)
    with pytest.raises(RequestError, match="Encountered list at unexpected size: 1 at level: 1 expected size: 2"):
        to_array([[1, 2], [3]], specs.INT32)
    with pytest.raises(RequestError, match="Encountered list at unexpected level: 1 expected < 1"):
        to_array([1, [2]], specs.INT32)
    with pytest.raises(
        RequestError,
        match=r"JSON Value: 2 found at incorrect level: 2 in the JSON DOM\. Expected at level: 2",
    ):
        to_array([[1], 2], specs.INT32)


def test_rows_name_the_element_and_the_key() -> None:
    two = {"a": specs.FLOAT, "b": specs.STRING}
    head = "Failed to process element: 1"
    rows = [{"a": 1, "b": "x"}]
    assert error({"instances": [*rows, {"a": "y", "b": "x"}]}, **two) == (
        f"{head} key: a of 'instances' list. Error: INVALID_ARGUMENT: "
        'JSON Value: "y" Type: String is not of expected type: float'
    )
    assert error({"instances": [*rows, {"a": 1}]}, **two) == (
        f"{head} of 'instances' list. JSON object: {{\n    \"a\": 1\n}} keys must be equal to: a,b"
    )
    assert error({"instances": [*rows, {"a": 1, "b": "x", "c": 1}]}, **two) == (
        f"{head} key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: c"
    )
    assert error({"instances": [*rows, 3]}, **two) == "Expecting object but got list at item 1 of input list"
    assert error({"instances": [3]}, **two).startswith("instances is a plain list, but expecting list of objects")
    assert error({"instances": [[1, 2], [3]]}, a=specs.FLOAT) == (
        f"{head} of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 1"
    )
    assert error({"instances": [[[1, 2]], [[1], [2]]]}, a=specs.FLOAT) == (
        f"{head} of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [1,2] but got: [2,1]"
    )
    assert error({"instances": [1, {"a": 1}]}, a=specs.FLOAT) == (
        "Expecting value/list but got object at item 1 of input list"
    )


def test_plain_values_serve_a_single_input_only() -> None:
    arrays, in_rows = read_inputs({"instances": [[1, 2], [3, 4]]}, signature(a=specs.FLOAT))
    assert (arrays["a"].shape, in_rows) == ((2, 2), True)
    arrays, in_rows = read_inputs({"inputs": [1, 2]}, signature(a=specs.FLOAT))
    assert (arrays["a"].tolist(), in_rows) == ([1, 2], False)
    assert error({"inputs": [1]}, a=specs.FLOAT, b=specs.FLOAT).startswith("inputs is a plain value/list")
    assert error({"instances": 3}, a=specs.FLOAT).endswith("Expecting 'instances' to be an list/array")


def test_signature_name_is_a_string() -> None:
    assert signature_name({}) == ""
    with pytest.raises(RequestError, match="'signature_name' key must be a string value"):
        signature_name({"signature_name": 3})


def test_dtypes_without_a_json_form_are_unimplemented() -> None:
    with pytest.raises(RequestError) as caught:
        to_array(1, specs.HALF)
    assert (caught.value.code, caught.value.message) == (
        Code.UNIMPLEMENTED, "Conversion of JSON Value: 1 to type: half",
    )  # fmt: skip
