from __future__ import annotations

import json
import re

import numpy as np
import pytest
import specs

from serving.protocol.json_reply import (
    classifications_json,
    error_json,
    outputs_json,
    predictions_json,
    regressions_json,
)
from serving.request_error import RequestError


def on_one_line(body: bytes) -> str:
    return re.sub(r"\s+", " ", body.decode()).replace(" ]", "]")


def test_decimals_are_short_where_they_read_back_and_whole_ones_keep_a_point() -> None:
    values = np.float32([0.2, 1, 9e6, 3e-5, 0.8320184, 555557.5, np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4028235e38])
    assert on_one_line(predictions_json({"p": values}, {"p": specs.FLOAT})) == (
        '{ "predictions": [0.2, 1.0, 9e+06, 3e-05, 0.832018375, 555557.5, NaN, Infinity, -Infinity, -0.0, '
        "1.4013e-45, 3.40282347e+38] }"
    )
    doubles = np.float64([0.1 + 0.2, 5e-324])
    assert json.loads(outputs_json({"p": doubles}, {"p": specs.DOUBLE})) == {"outputs": doubles.tolist()}


def test_extreme_integers_are_written_whole() -> None:
    values = np.int64([-(2**63), 2**63 - 1])
    assert json.loads(predictions_json({"a": values}, {"a": specs.INT64})) == {"predictions": values.tolist()}
    flags = np.array([True, False])
    assert json.loads(predictions_json({"a": flags}, {"a": specs.BOOL})) == {"predictions": [True, False]}


# The layouts below are those of RapidJSON's PrettyWriter, driven as json_tensor.cc drives it.
def test_rows_are_laid_out_as_the_original_does() -> None:
    outputs = {
        "a": np.float32([[1, 2], [1, 2]]),
        "e": np.zeros([2, 0], np.float32),
        "t_bytes": np.array([b"A", b"B"], object),
    }
    kinds = {"a": specs.FLOAT, "e": specs.FLOAT, "t_bytes": specs.STRING}
    row = """        {
            "a": [1.0, 2.0],
            "e": [],
            "t_bytes": {
                "b64": "%s"
            }
        }"""
    rows = row % "QQ==" + ",\n" + row % "Qg=="
    assert predictions_json(outputs, kinds).decode() == f'{{\n    "predictions": [\n{rows}\n    ]\n}}'
    single = predictions_json({"a": outputs["a"]}, kinds)
    assert single == b'{\n    "predictions": [[1.0, 2.0], [1.0, 2.0]\n    ]\n}'
    assert predictions_json({"a": outputs["a"][:0]}, kinds) == b'{\n    "predictions": []\n}'


def test_columns_are_laid_out_as_the_original_does() -> None:
    a = np.float32([[1, 2]])
    assert outputs_json({"a": a[0]}, {"a": specs.FLOAT}) == b'{\n    "outputs": [\n        1.0,\n        2.0\n    ]\n}'
    assert outputs_json({"a": a, "b": np.int64(3)}, {"a": specs.FLOAT, "b": specs.INT64}).decode() == (
        """{
    "outputs": {
        "a": [
            [
                1.0,
                2.0
            ]
        ],
        "b": 3
    }
}"""
    )


def test_results_and_errors_are_laid_out_as_the_original_does() -> None:
    assert regressions_json(np.float32([0.2, 1])) == b'{\n    "results": [0.2, 1.0]\n}'
    assert (
        classifications_json([[("l", 0.5), ("m", 0.25)]]) == b'{\n    "results": [[["l", 0.5], ["m", 0.25]]\n    ]\n}'
    )
    assert error_json('no "x"') == b'{\n    "error": "no \\"x\\""\n}'


def test_strings_are_utf8_and_base64_by_name_only() -> None:
    text = np.array([b"\xe2\x82\xac\x1f\xff"], dtype=object)
    both = {"t": text, "t_bytes": text}
    body = predictions_json(both, dict.fromkeys(both, specs.STRING)).decode()
    assert '"t": "\u20ac\\u001F\ufffd"' in body
    assert json.loads(body)["predictions"][0]["t_bytes"] == {"b64": "4oKsH/8="}


def test_rows_need_one_batch_size() -> None:
    outputs = {"a": np.float32([1, 2]), "b": np.float32([1])}
    with pytest.raises(RequestError, match="Tensor name: b has inconsistent batch size: 1 expecting: 2"):
        predictions_json(outputs, dict.fromkeys(outputs, specs.FLOAT))
    with pytest.raises(RequestError, match="Tensor name: a has no shape information"):
        predictions_json({"a": np.float32(1)}, {"a": specs.FLOAT})
    with pytest.raises(RequestError, match="Failed to write JSON value for tensor type: half"):
        predictions_json({"a": np.float16([1])}, {"a": specs.HALF})
    with pytest.raises(RequestError, match="Cannot convert empty tensor map to JSON"):
        predictions_json({}, {})
