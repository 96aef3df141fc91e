from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import specs

from serving.models.loader import TensorSpec
from serving.protocol.tensor_proto import array_from_proto, check_dtype, fill_proto, proto_from_array
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


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (specs.FLOAT, [[1.5, -2.0]]),
        (specs.UINT8, [255]),
        (specs.BOOL, [True, False]),
        (specs.HALF, [0.5]),
        (specs.STRING, [[b"\xff\x00", b""], [b"x" * 300, b"y" * 20_000]]),  # lengths of one, two and three bytes
    ],
)
def test_content_is_tensorflows_own(spec: TensorSpec, values: list[object]) -> None:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    array = np.array(values, dtype=spec.numpy_dtype)
    proto = tensor_pb2.TensorProto()
    fill_proto(proto, spec, array, as_content=True)
    assert proto.tensor_content
    assert not proto.float_val and not proto.string_val
    parsed = tf.io.parse_tensor(proto.SerializeToString(), spec.dtype_enum).numpy()
    np.testing.assert_array_equal(parsed, array)


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


@pytest.mark.parametrize("dtype", [0, 20, 21, 99, 101])  # invalid, resource, variant, unknown, a reference to float
def test_dtypes_that_cannot_be_sent_are_refused(dtype: int) -> None:
    proto = proto_from_array(specs.FLOAT, np.float32([1]))
    proto.dtype = dtype
    with pytest.raises(RequestError, match=r"tensor parsing error: x: values of dtype .* cannot be sent"):
        array_from_proto("x", specs.FLOAT, proto)


def test_another_dtype_than_the_signatures_is_told_by_the_place_of_its_feed() -> None:
    proto = proto_from_array(specs.INT64, np.int64([1]))
    assert array_from_proto("x", specs.FLOAT, proto).tolist() == [1]
    with pytest.raises(RequestError, match=r"Expects arg\[2\] to be float but int64 is provided \(input x\)"):
        check_dtype("x", 2, specs.FLOAT, proto)


def test_integers_beyond_a_narrow_type_wrap_around() -> None:
    proto = proto_from_array(specs.INT32, np.int32([300, -1]))
    proto.dtype = specs.UINT8.dtype_enum
    assert array_from_proto("x", specs.UINT8, proto).tolist() == [44, 255]  # 300 - 256; 256 - 1


def shaped(spec: TensorSpec, *sizes: int) -> Any:
    proto = proto_from_array(spec, np.zeros([0], np.float32 if spec is specs.FLOAT else object))
    del proto.tensor_shape.dim[:]
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([-1], "not fully defined"),
        ([1 << 62, 4], "overflows"),
        ([1 << 62], "values but 0 are sent"),
        ([1 << 25], "values but 0 are sent"),  # 128 MB from padding
        ([1] * 300, "it has 300 dimensions, more than 32"),
        ([0, 1 << 62, 2], "tensor parsing error: x: "),  # valid for TensorFlow, beyond NumPy
    ],
)
def test_shapes_beyond_reason_are_refused_before_memory_is_taken(sizes: list[int], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        array_from_proto("x", specs.FLOAT, shaped(specs.FLOAT, *sizes))
    unknown = shaped(specs.FLOAT)
    unknown.tensor_shape.unknown_rank = True
    with pytest.raises(RequestError, match="its rank is unknown"):
        array_from_proto("x", specs.FLOAT, unknown)


def test_padding_counts_the_bytes_of_the_last_string() -> None:
    proto = shaped(specs.STRING, 1000)
    proto.string_val.append(b"x" * 1_000_000)  # would become 1 GB
    with pytest.raises(RequestError, match=r"shape \[1000\] declares 1000 values but 1 are sent"):
        array_from_proto("x", specs.STRING, proto)


def test_strings_are_read_from_content_too() -> None:
    proto = shaped(specs.STRING, 3)
    long = b"y" * 300
    proto.tensor_content = b"\x01" + b"\xac\x02" + b"\x00" + b"x" + long  # 300 = 0b10_0101100
    assert array_from_proto("x", specs.STRING, proto).tolist() == [b"x", long, b""]
    for broken in (proto.tensor_content + b"!", proto.tensor_content[:-1], b"\xff\xff\xff", b"\xff" * 8, b"\x00"):
        proto.tensor_content = broken
        with pytest.raises(RequestError, match="tensor parsing error: x: "):
            array_from_proto("x", specs.STRING, proto)


def test_rarer_dtypes_come_and_go() -> None:
    import tensorflow as tf

    for dtype, values in (
        (tf.bfloat16, [1.5, -2]),
        (tf.complex64, [1 + 2j, 3]),
        (tf.complex128, [1 - 2j]),
        (tf.uint16, [65535]),
        (tf.int16, [-5]),
        (tf.uint32, [2**32 - 1]),
        (tf.uint64, [2**64 - 1]),
        (tf.int8, [-128]),
    ):
        spec = TensorSpec("x:0", dtype.as_datatype_enum, dtype.name, dtype.as_numpy_dtype)
        array = np.array(values).astype(dtype.as_numpy_dtype)
        proto = proto_from_array(spec, array)
        assert not proto.tensor_content
        assert tf.make_ndarray(proto).tolist() == array.tolist()
        assert array_from_proto("x", spec, proto).tolist() == array.tolist()
        proto = tf.make_tensor_proto(array)  # as content, where TensorFlow prefers that
        assert array_from_proto("x", spec, proto).tolist() == array.tolist()
