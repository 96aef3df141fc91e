"""TensorProto <-> numpy, safe against protos that declare more than they carry.

Source: tensorflow/core/framework/tensor.cc, Tensor::FromProto (values short of the shape are padded with the
last one) and AsProtoField (replies carry typed fields, not `tensor_content`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from serving.models.loader import TensorSpec, dtype_name
from serving.models.session_call import Array
from serving.request_error import RequestError, invalid_argument

# An 18-byte proto may declare gigabytes and leave the values to padding: beyond this, values must be sent.
MAX_PADDED_BYTES = 64 * 1024 * 1024

_VALUE_FIELDS = {
    "float": "float_val",
    "double": "double_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "string": "string_val",
}


def array_from_proto(alias: str, spec: TensorSpec, proto: Any) -> Array:
    """Value of a TensorProto sent for the input `alias`, in the shape that the proto declares.

    Raises:
        RequestError: INVALID_ARGUMENT for another dtype than the signature's, an unknown or negative
            dimension, content of the wrong length, or a shape far beyond the values sent.
    """
    if proto.dtype != spec.dtype_enum:
        sent = dtype_name(proto.dtype)
        raise invalid_argument(f"Expects input {alias} to be {spec.dtype_name} but {sent} is provided")
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise _parsing_error(alias, f"shape {shape} is not fully defined")
    count = math.prod(shape)
    field = _VALUE_FIELDS.get(spec.dtype_name)
    item_bytes = np.dtype(spec.numpy_dtype).itemsize
    if proto.tensor_content:
        return _from_content(alias, spec, proto, shape, count * item_bytes)
    if field is None:
        return _from_rare_dtype(alias, proto, count * item_bytes)
    values = getattr(proto, field)
    if len(values) < count and count * item_bytes > MAX_PADDED_BYTES:
        raise _parsing_error(alias, f"shape {shape} declares {count} values but {len(values)} are sent")
    # int_val holds int32 for the narrower types too: by way of int64, as NumPy refuses what does not fit.
    wide = np.int64 if field == "int_val" else spec.numpy_dtype
    array: Array = np.array(values[:count], dtype=wide).astype(spec.numpy_dtype, copy=False)
    if len(array) < count:
        filler = array[-1] if len(array) else (b"" if spec.dtype_name == "string" else 0)
        padded: Array = np.full(count, filler, dtype=spec.numpy_dtype)
        padded[: len(array)] = array
        array = padded
    return array.reshape(shape)


def _from_content(alias: str, spec: TensorSpec, proto: Any, shape: list[int], declared_bytes: int) -> Array:
    if spec.dtype_name == "string":
        raise _parsing_error(alias, "strings are read from string_val, not from tensor_content")
    if len(proto.tensor_content) != declared_bytes:
        sent_bytes = len(proto.tensor_content)
        raise _parsing_error(alias, f"shape {shape} takes {declared_bytes} bytes but {sent_bytes} are sent")
    return np.frombuffer(proto.tensor_content, dtype=spec.numpy_dtype).reshape(shape)


def _from_rare_dtype(alias: str, proto: Any, declared_bytes: int) -> Array:
    import tensorflow as tf

    if declared_bytes > MAX_PADDED_BYTES:
        raise _parsing_error(alias, f"{declared_bytes} bytes of this dtype have to be sent as tensor_content")
    try:
        array: Array = tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise _parsing_error(alias, str(error)) from error
    return array


def proto_from_array(spec: TensorSpec, array: Array) -> Any:
    """TensorProto of an output, with its values in the typed field of its dtype."""
    from tensorflow.core.framework import tensor_pb2

    proto = tensor_pb2.TensorProto()
    fill_proto(proto, spec, array)
    return proto


def fill_proto(proto: Any, spec: TensorSpec, array: Array) -> None:
    """Writes an output into an empty TensorProto, its values in the typed field of its dtype."""
    field = _VALUE_FIELDS.get(spec.dtype_name)
    if field is None:
        import tensorflow as tf

        proto.CopyFrom(tf.make_tensor_proto(array, dtype=spec.dtype_enum))
        return
    proto.dtype = spec.dtype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    getattr(proto, field).extend(array.ravel().tolist())


def _parsing_error(alias: str, why: str) -> RequestError:
    return invalid_argument(f"tensor parsing error: {alias}: {why}")
