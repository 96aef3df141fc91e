"""TensorProto <-> numpy, safe against protos that declare more than they carry.

Source: tensorflow/core/framework/tensor.cc, Tensor::FromProto (values short of the shape are padded with the last one)
and AsProtoField (replies carry typed fields, not `tensor_content`); tensor_shape.cc, TensorShapeBase::IsValid;
tensorflow/core/platform/tensor_coding.cc, DecodeStringList.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.models.loader import TensorSpec, dtype_name
from serving.models.session_call import Array
from serving.protocol.json_array import MAX_RANK
from serving.request_error import RequestError, invalid_argument

# An 18-byte proto may declare gigabytes and leave the values to padding: beyond this, values must be sent.
MAX_PADDED_BYTES = 64 * 1024 * 1024
MAX_STRINGS = 4_000_000  # in one tensor_content, where one takes a single byte

_STRING_BYTES = 24  # of a tstring that holds up to 22 bytes, tensorflow/core/platform/ctstring_internal.h
_INT64_MAX = 2**63 - 1
# dtype -> field of its values, and how they lie in memory
_FIELDS: dict[str, tuple[str, Any]] = {
    "float": ("float_val", np.float32),
    "double": ("double_val", np.float64),
    "int8": ("int_val", np.int8),
    "int16": ("int_val", np.int16),
    "int32": ("int_val", np.int32),
    "uint8": ("int_val", np.uint8),
    "uint16": ("int_val", np.uint16),
    "qint8": ("int_val", np.int8),
    "quint8": ("int_val", np.uint8),
    "qint16": ("int_val", np.int16),
    "quint16": ("int_val", np.uint16),
    "qint32": ("int_val", np.int32),
    "int64": ("int64_val", np.int64),
    "uint32": ("uint32_val", np.uint32),
    "uint64": ("uint64_val", np.uint64),
    "bool": ("bool_val", np.bool_),
    "half": ("half_val", np.uint16),
    "bfloat16": ("half_val", np.uint16),
    "complex64": ("scomplex_val", np.complex64),
    "complex128": ("dcomplex_val", np.complex128),
    "string": ("string_val", object),
}
_READ_AS_THEY_ARE = ("float", "double", "int64", "uint64", "uint32", "bool", "int32")
# complex numbers are sent as two values each
_PARTS = {"complex64": np.float32, "complex128": np.float64}


def array_from_proto(alias: str, spec: TensorSpec, proto: Any) -> Array:
    """Value of a TensorProto sent for the input `alias`, in the shape and dtype that the proto declares.

    Whether that dtype is the signature's, `check_dtype` tells: the original parses all inputs first.

    Raises:
        RequestError: INVALID_ARGUMENT for a dtype that cannot be sent, an unknown, negative or overflowing shape,
            content of the wrong length, or a shape far beyond the values sent.
    """
    dtype = spec.dtype_name if proto.dtype == spec.dtype_enum else dtype_name(proto.dtype)
    if dtype not in _FIELDS:
        raise _parsing_error(alias, f"values of dtype {dtype} cannot be sent")
    field, wire_dtype = _FIELDS[dtype]
    shape, count = _read_shape(alias, proto.tensor_shape)
    if count == 0:
        flat = np.empty(0, wire_dtype)
    elif proto.tensor_content:
        flat = _from_content(alias, dtype, wire_dtype, proto.tensor_content, shape, count)
    else:
        flat = _from_values(alias, dtype, wire_dtype, getattr(proto, field), shape, count)
    if wire_dtype is not spec.numpy_dtype and proto.dtype == spec.dtype_enum:
        flat = flat.view(spec.numpy_dtype)  # half, bfloat16 and the quantised ones
    if len(shape) == 1:
        return flat
    try:
        return flat.reshape(shape)
    except ValueError as error:  # no values, but sizes beyond what NumPy can address
        raise _parsing_error(alias, str(error)) from error


def check_dtype(alias: str, index: int, spec: TensorSpec, proto: Any) -> None:
    """Refuses a tensor of another dtype than the signature's; `index`: place of its feed among the sorted feeds.

    Source: tensorflow/core/framework/function.cc, FunctionCallFrame::SetArgs.

    Raises:
        RequestError: INVALID_ARGUMENT naming both dtypes.
    """
    if proto.dtype != spec.dtype_enum:
        sent = dtype_name(proto.dtype)
        raise invalid_argument(f"Expects arg[{index}] to be {spec.dtype_name} but {sent} is provided (input {alias})")


def _read_shape(alias: str, proto: Any) -> tuple[list[int], int]:
    shape = [dim.size for dim in proto.dim]
    if len(shape) == 1 and shape[0] >= 0 and not proto.unknown_rank:
        return shape, shape[0]
    if proto.unknown_rank:
        raise _parsing_error(alias, "its rank is unknown")
    if len(shape) > MAX_RANK:
        raise _parsing_error(alias, f"it has {len(shape)} dimensions, more than {MAX_RANK}")
    count = 1
    for size in shape:
        count *= size
        if size < 0 or count > _INT64_MAX:
            raise _parsing_error(alias, f"shape {shape} is not fully defined, or overflows")
    return shape, count


def _from_values(alias: str, dtype: str, wire_dtype: Any, values: Any, shape: list[int], count: int) -> Array:
    if len(values) == count and dtype in _READ_AS_THEY_ARE:
        return np.array(values[:], wire_dtype)
    part_dtype = _PARTS.get(dtype)
    parts = 2 if part_dtype else 1
    sent = len(values) // parts
    if sent < count:
        item_bytes = _STRING_BYTES if dtype == "string" else np.dtype(wire_dtype).itemsize
        if dtype == "string" and sent:
            item_bytes += len(values[sent - 1])
        if count * item_bytes > MAX_PADDED_BYTES:
            raise _parsing_error(alias, f"shape {shape} declares {count} values but {sent} are sent")
    sent = min(sent, count)
    read: list[Any] = values[: sent * parts]
    if part_dtype:
        array: Array = np.array(read, part_dtype).view(wire_dtype)
    elif wire_dtype is object:
        array = np.empty(sent, object)
        array[:] = read
    elif dtype in _READ_AS_THEY_ARE:
        array = np.array(read, wire_dtype)
    else:  # int_val and half_val hold int32: by way of int64, as NumPy refuses what does not fit
        array = np.array(read, np.int64).astype(wire_dtype)
    if sent == count:
        return array
    padded: Array = np.full(count, array[-1] if sent else (b"" if dtype == "string" else 0), dtype=wire_dtype)
    padded[:sent] = array
    return padded


def _from_content(alias: str, dtype: str, wire_dtype: Any, content: bytes, shape: list[int], count: int) -> Array:
    if dtype == "string":
        return _strings_from_content(alias, content, count)
    declared_bytes = count * np.dtype(wire_dtype).itemsize
    if len(content) != declared_bytes:
        raise _parsing_error(alias, f"shape {shape} takes {declared_bytes} bytes but {len(content)} are sent")
    if dtype == "bool":
        flags: Array = np.frombuffer(content, np.uint8) != 0
        return flags
    return np.frombuffer(content, wire_dtype)


def _strings_from_content(alias: str, content: bytes, count: int) -> Array:
    """Strings as their lengths in varints, one after the other, and then their bytes."""
    if count > min(len(content), MAX_STRINGS):
        raise _parsing_error(alias, f"{count} strings are too many for {len(content)} bytes of content")
    lengths, position = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            byte = content[position] if position < len(content) else -1
            position += 1
            if byte < 0 or shift > 28:  # a varint32 has five groups of seven bits at most
                raise _parsing_error(alias, "its content ends within the lengths of the strings")
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length)
    if sum(lengths) != len(content) - position:
        raise _parsing_error(alias, f"its strings take {sum(lengths)} bytes but {len(content) - position} are sent")
    array: Array = np.empty(count, object)
    for index, length in enumerate(lengths):
        array[index] = content[position : position + length]
        position += length
    return array


def _strings_to_content(strings: list[bytes]) -> bytes:
    """What `_strings_from_content` reads. Source: tensor_coding.cc, EncodeStringList."""
    lengths = bytearray()
    for string in strings:
        length = len(string)
        while length >= 0x80:
            lengths.append(length & 0x7F | 0x80)
            length >>= 7
        lengths.append(length)
    return bytes(lengths) + b"".join(strings)


def proto_from_array(spec: TensorSpec, array: Array) -> Any:
    """TensorProto of an output, with its values in the typed field of its dtype."""
    from tensorflow.core.framework import tensor_pb2

    proto = tensor_pb2.TensorProto()
    fill_proto(proto, spec, array)
    return proto


def fill_proto(proto: Any, spec: TensorSpec, array: Array, *, as_content: bool = False) -> None:
    """Writes an output into an empty TensorProto: its values in the typed field of its dtype, or `tensor_content`."""
    if spec.dtype_name not in _FIELDS:
        import tensorflow as tf

        proto.CopyFrom(tf.make_tensor_proto(array, dtype=spec.dtype_enum))
        return
    field, wire_dtype = _FIELDS[spec.dtype_name]
    proto.dtype = spec.dtype_enum
    dims = proto.tensor_shape.dim
    for size in array.shape:
        dims.add().size = size
    flat = array.ravel()
    if as_content:
        proto.tensor_content = _strings_to_content(flat.tolist()) if wire_dtype is object else flat.tobytes()
        return
    if wire_dtype is not object:
        flat = flat.view(_PARTS.get(spec.dtype_name, wire_dtype))
    getattr(proto, field).extend(flat.tolist())


def _parsing_error(alias: str, why: str) -> RequestError:
    return invalid_argument(f"tensor parsing error: {alias}: {why}")
