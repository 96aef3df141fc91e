from __future__ import annotations

import numpy as np
import pytest
import specs

from serving.models.loader import TensorSpec
from serving.protocol.tensor_proto import array_from_proto, proto_from_array
from serving.request_error import RequestError


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (specs.FLOAT, [[1.5, np.nan]]),
        (specs.DOUBLE, [0.1]),
        (specs.INT32, [-(2**31)]),
        (specs.UINT8, [255]),
        (specs.INT64, [[-(2**63)]]),
        (specs.BOOL, [True, False]),
        (specs.STRING, [b"\xff\x00", b""]),
        (specs.HALF, [0.5]),
    ],
)
def test_what_is_written_is_read_back(spec: TensorSpec, values: list[object]) -> None:
    array = np.array(values, dtype=spec.numpy_dtype)
    back = array_from_proto("x", spec, proto_from_array(spec, array))
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(back, array)


def test_values_short_of_the_shape_are_padded_with_the_last() -> None:
    proto = proto_from_array(specs.FLOAT, np.float32([1, 2]))
    proto.tensor_shape.dim[0].size = 4
    assert array_from_proto("x", specs.FLOAT, proto).tolist() == [1, 2, 2, 2]
    del proto.float_val[:]
    assert array_from_proto("x", specs.FLOAT, proto).tolist() == [0, 0, 0, 0]
    assert array_from_proto("x", specs.FLOAT, proto_from_array(specs.FLOAT, np.zeros([0, 3], np.float32))).shape == (
        0,
        3,
    )


def test_content_of_the_wrong_length_and_undefined_shapes_are_refused() -> None:
    proto = proto_from_array(specs.FLOAT, np.float32([1]))
    proto.tensor_content = b"12345678"
    with pytest.raises(RequestError, match=r"tensor parsing error: x: shape \[1\] takes 4 bytes but 8 are sent"):
        array_from_proto("x", specs.FLOAT, proto)
    proto.tensor_shape.dim[0].size = -1
    with pytest.raises(RequestError, match=r"tensor parsing error: x: shape \[-1\] is not fully defined"):
        array_from_proto("x", specs.FLOAT, proto)
    with pytest.raises(RequestError, match="Expects input x to be int64 but float is provided"):
        array_from_proto("x", specs.INT64, proto)
    proto.dtype = 99
    with pytest.raises(RequestError, match="Expects input x to be float but unknown dtype 99 is provided"):
        array_from_proto("x", specs.FLOAT, proto)
