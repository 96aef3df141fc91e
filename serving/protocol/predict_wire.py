"""PredictRequest with its TensorProtos left as bytes, and short ones read without making messages of them.

A request of a click model holds a dozen tensors of one or a few values; making a message of each takes longer than
running the model. Whatever is not laid out as the usual clients lay it out is left to protobuf.
Source: tensorflow_serving/apis/predict.proto, tensorflow/core/framework/tensor.proto, and
protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.models.loader import TensorSpec
from serving.models.session_call import Array
from serving.request_error import invalid_argument

# After the dtype: tensor_shape (2) of one dim (2), whose size (1) takes one byte or two.
_SHORT_DIMENSION, _LONG_DIMENSION = b"\x12\x04\x12\x02\x08", b"\x12\x05\x12\x03\x08"
_SIZE = 7  # where the size stands
_CONTENT, _FLOATS, _STRINGS, _INT64S = 0x22, 0x2A, 0x42, 0x52  # keys of the fields 4, 5, 8, 10, length-delimited
_CONTENT_TYPES: dict[str, np.dtype[Any]] = {
    "float": np.dtype("<f4"),
    "double": np.dtype("<f8"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
}
_FLOAT = _CONTENT_TYPES["float"]
_EMPTY_STRING = b"\x42\x00"
_MORE = 0x80


@functools.cache
def predict_request_class() -> Any:
    """PredictRequest whose `inputs` map aliases to serialized TensorProtos: the same bytes on the wire."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from tensorflow_serving.apis import model_pb2, predict_pb2

    file = descriptor_pb2.FileDescriptorProto()
    predict_pb2.DESCRIPTOR.CopyToProto(file)
    (request,) = (message for message in file.message_type if message.name == "PredictRequest")
    (entry,) = request.nested_type
    value = entry.field[1]
    value.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    value.ClearField("type_name")
    known = ("model_spec", "inputs", "output_filter")
    fields = [field for field in request.field if field.name in known]
    lean = descriptor_pb2.FileDescriptorProto(name=file.name, package=file.package, syntax=file.syntax)
    lean.dependency.append(model_pb2.DESCRIPTOR.name)
    message = lean.message_type.add(name=request.name)
    message.field.extend(fields)
    message.nested_type.append(entry)
    pool = descriptor_pool.DescriptorPool()
    for needed in (*model_pb2.DESCRIPTOR.dependencies, model_pb2.DESCRIPTOR):
        pool.AddSerializedFile(needed.serialized_pb)
    pool.AddSerializedFile(lean.SerializeToString())
    descriptor = pool.FindMessageTypeByName(predict_pb2.PredictRequest.DESCRIPTOR.full_name)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def parse_tensor(alias: str, proto: bytes) -> Any:
    """TensorProto of the bytes sent for the input `alias`.

    Raises:
        RequestError: INVALID_ARGUMENT where they are none.
    """
    from google.protobuf.message import DecodeError

    try:
        return _tensor_class().FromString(proto)
    except DecodeError as error:
        raise invalid_argument(f"tensor parsing error: {alias}: {error}") from error


def short_array(spec: TensorSpec, proto: bytes) -> Array | None:
    """Value [rows] of a serialized TensorProto of `spec`'s dtype; None where protobuf has to read it.

    Numbers may share the proto's memory and be read-only.
    """
    rows, start = _rows(spec, proto)
    if not rows or len(proto) <= start + 1:
        return None
    key, length = proto[start], proto[start + 1]
    if key == _STRINGS and rows > 1:
        return _strings(proto, start, rows) if spec.dtype_name == "string" else None
    start += 2
    if length >= _MORE:
        if len(proto) <= start or proto[start] >= _MORE:
            return None
        length += (proto[start] << 7) - _MORE
        start += 1
    if len(proto) != start + length:
        return None
    dtype = _FLOAT if key == _FLOATS and spec.dtype_name == "float" else None
    if key == _CONTENT:
        dtype = _CONTENT_TYPES.get(spec.dtype_name)
    if dtype is not None:
        return np.frombuffer(proto, dtype, rows, start) if length == rows * dtype.itemsize else None
    if key == _STRINGS and spec.dtype_name == "string":
        text: Array = np.empty(1, object)
        text[0] = proto[start:]
        return text
    if key == _INT64S and spec.dtype_name == "int64" and rows == 1:
        return _one_int64(proto, start)
    return None


def _rows(spec: TensorSpec, proto: bytes) -> tuple[int, int]:
    """(size of the one dimension, where the values begin); (0, 0) where the head is laid out in another way."""
    if len(proto) <= _SIZE or proto[0] != 0x08 or proto[1] != spec.dtype_enum:
        return 0, 0
    size, shape = proto[_SIZE], proto[2:_SIZE]
    if shape == _SHORT_DIMENSION:
        return (size, _SIZE + 1) if size < _MORE else (0, 0)
    if shape == _LONG_DIMENSION and size >= _MORE and len(proto) > _SIZE + 1 and proto[_SIZE + 1] < _MORE:
        return size - _MORE + (proto[_SIZE + 1] << 7), _SIZE + 2
    return 0, 0


def _strings(proto: bytes, start: int, rows: int) -> Array | None:
    """`rows` strings below 128 bytes each; None for any others, for more or fewer, or with anything in between."""
    if len(proto) == start + 2 * rows:  # as of images' bytes: most requests send none
        return np.full(rows, b"", object) if proto.endswith(_EMPTY_STRING * rows) else None
    strings: Sequence[bytes] | None
    length = proto[start + 1]
    stride = 2 + length
    if (
        len(proto) == start + stride * rows
        and length < _MORE
        and proto[start::stride].count(_STRINGS) == rows
        and proto[start + 1 :: stride].count(length) == rows
    ):
        strings = _of_one_length(length, rows).unpack_from(proto, start)
    else:
        strings = _of_any_length(proto, start, rows)
    if strings is None or len(strings) != rows:
        return None
    texts: Array = np.empty(rows, object)
    texts[:] = strings
    return texts


@functools.lru_cache(maxsize=256)
def _of_one_length(length: int, rows: int) -> struct.Struct:
    return struct.Struct(f"2x{length}s" * rows)


def _of_any_length(proto: bytes, start: int, rows: int) -> Sequence[bytes] | None:
    from google.protobuf.message import DecodeError

    try:
        strings: Sequence[bytes] = _tensor_class().FromString(proto).string_val[:]
    except DecodeError:
        return None
    # Each has a key and a length of one byte before it; anything else in between would make the proto longer.
    return strings if start + 2 * rows + sum(map(len, strings)) == len(proto) else None


@functools.cache
def _tensor_class() -> Any:
    from tensorflow.core.framework import tensor_pb2

    return tensor_pb2.TensorProto


def _one_int64(proto: bytes, start: int) -> Array | None:
    number = shift = 0
    for byte in proto[start:]:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < _MORE:
            break
    else:
        return None
    if shift != 7 * (len(proto) - start) or shift > 70:
        return None  # several numbers, or too long a one
    return np.array([number & (2**64 - 1)], np.uint64).view(np.int64)
