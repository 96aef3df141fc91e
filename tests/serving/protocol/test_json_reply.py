from __future__ import annotations

import numpy as np
import pytest
import specs

from serving.protocol.json_reply import outputs_json, predictions_json
from serving.request_error import RequestError


def test_decimals_are_short_where_they_read_back_and_whole_ones_keep_a_point() -> None:
    values = np.float32([0.2, 1, 9e6, 3e-5, 0.8320184, np.nan, np.inf, -np.inf, -0.0])
    assert predictions_json({"p": values}, {"p": specs.FLOAT}) == (
        '{"predictions": [0.2, 1.0, 9e+06, 3e-05, 0.832018375, NaN, Infinity, -Infinity, -0.0]}'
    )
    assert outputs_json({"p": np.float64([0.1 + 0.2])}, {"p": specs.DOUBLE}) == '{"outputs": [0.30000000000000004]}'


def test_shapes_nest_and_a_single_output_is_unwrapped() -> None:
    cube = np.arange(8, dtype=np.int64).reshape(2, 2, 2)
    assert predictions_json({"a": cube}, {"a": specs.INT64}) == '{"predictions": [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]}'
    empty = np.zeros([2, 0], np.int64)
    assert predictions_json({"a": empty}, {"a": specs.INT64}) == '{"predictions": [[], []]}'
    assert outputs_json({"a": np.int64(3)}, {"a": specs.INT64}) == '{"outputs": 3}'


def test_strings_are_base64_by_name_only() -> None:
    text = np.array([b"\xe2\x82\xac"], dtype=object)
    both = {"t": text, "t_bytes": text}
    assert predictions_json(both, dict.fromkeys(both, specs.STRING)) == (
        '{"predictions": [{"t": "\\u20ac", "t_bytes": {"b64": "4oKs"}}]}'
    )


def test_rows_need_one_batch_size() -> None:
    outputs = {"a": np.float32([1, 2]), "b": np.float32([1])}
    with pytest.raises(RequestError, match="Tensor name: b has inconsistent batch size: 1 expecting: 2"):
        predictions_json(outputs, dict.fromkeys(outputs, specs.FLOAT))
    with pytest.raises(RequestError, match="Tensor name: a has no shape information"):
        predictions_json({"a": np.float32(1)}, {"a": specs.FLOAT})
    with pytest.raises(RequestError, match="Failed to write JSON value for tensor type: half"):
        predictions_json({"a": np.float16([1])}, {"a": specs.HALF})
