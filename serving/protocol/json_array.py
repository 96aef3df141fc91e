"""One JSON value -> array of an input's dtype.

Source: tensorflow_serving/util/json_tensor.cc, GetDenseTensorShape, FillTensorProto and AddValueToTensor; the messages
are that file's. Values of one kind are converted together; the way one by one runs for mixed ones, and to find the
place of an error.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from serving.models.loader import TensorSpec
from serving.models.session_call import Array
from serving.protocol.json_base64 import decode_base64
from serving.protocol.json_debug import debug_string, type_name
from serving.request_error import Code, RequestError, invalid_argument

MAX_RANK = 32  # NumPy's limit; TensorFlow's is 254

_CHUNK = 256  # elements looked at together on the way to an error
_INT32 = (-(2**31), 2**31 - 1)
_INT32_TYPES = ("int8", "int16", "uint8", "int32")  # the original reads the narrower types as int32 too
_INTEGER_RANGES = {
    **dict.fromkeys(_INT32_TYPES, _INT32),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = ("float", "double")
_NO_BYTES = {"b64": ""}


def to_array(value: Any, spec: TensorSpec) -> Array:
    """Array of a JSON value (scalar, list, lists of lists), its shape taken from the first elements.

    Raises:
        RequestError: INVALID_ARGUMENT for a ragged list or a value of another type than the input's; UNIMPLEMENTED for
            a dtype that JSON has no form for.
    """
    if type(value) is list and value and type(value[0]) is not list:
        column = _convert_together(value, spec)
        if column is not None:
            return column
    shape: list[int] = []
    first = value
    while type(first) is list:
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    if len(shape) > MAX_RANK:
        raise invalid_argument(
            f"Encountered lists nested {len(shape)} deep; a tensor has at most {MAX_RANK} dimensions"
        )
    leaves = _uniform_leaves(value, shape)
    array = None if leaves is None else _convert_together(leaves, spec)
    if array is None:
        flat: list[Any] = []
        _flatten(value, 0, shape, spec, flat)
        array = _array(flat, spec)
    return array if len(shape) == 1 else array.reshape(shape)


def _uniform_leaves(value: Any, shape: list[int]) -> list[Any] | None:
    """The innermost values in order, where all lists have the sizes of `shape`; None where some have not."""
    if not shape:
        return [value]
    leaves: list[Any] = value
    for size in shape[1:]:
        if set(map(type, leaves)) != {list} or set(map(len, leaves)) != {size}:
            return None
        leaves = list(chain.from_iterable(leaves))
    return leaves


def _convert_together(leaves: list[Any], spec: TensorSpec) -> Array | None:
    """The leaves as a flat array; None where they are not all of the expected type."""
    dtype = spec.dtype_name
    kinds = set(map(type, leaves))
    if dtype in _FLOATS:
        fits = kinds <= {float, int}
    elif dtype == "string":
        if kinds == {dict}:
            # As of images' bytes: most requests send none.
            none_sent = leaves.count(_NO_BYTES) == len(leaves)
            leaves = [b""] * len(leaves) if none_sent else list(map(decode_base64, leaves))
            kinds = {bytes}
        fits = kinds == {bytes} or kinds == {str}
    elif dtype in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[dtype]
        fits = kinds == {int} and low <= min(leaves) and max(leaves) <= high
    else:
        fits = dtype == "bool" and kinds == {bool}
    return _array(leaves, spec) if fits else None


def _array(flat: list[Any], spec: TensorSpec) -> Array:
    if spec.dtype_name == "string":
        # Assigned, not constructed: NumPy would make its own fixed-width strings and cut trailing zero bytes. Strings
        # stay what they are: TensorFlow takes their UTF-8 (ndarray_tensor.cc), without an object of bytes for each.
        array: Array = np.empty(len(flat), dtype=object)
        array[:] = flat
        return array
    if spec.dtype_name in _INT32_TYPES:
        return np.array(flat, dtype=np.int64).astype(spec.numpy_dtype)
    return np.array(flat, dtype=spec.numpy_dtype)


def _flatten(value: Any, level: int, shape: list[int], spec: TensorSpec, flat: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {debug_string(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        flat.append(_leaf(value, spec))
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for start in range(0, len(value), _CHUNK):
        chunk = value[start : start + _CHUNK]
        leaves = _uniform_leaves(chunk, [len(chunk), *shape[level + 1 :]])
        together = None if leaves is None else _convert_together(leaves, spec)
        if together is not None:
            flat.extend(together.tolist())
            continue
        for item in chunk:
            _flatten(item, level + 1, shape, spec, flat)


def _leaf(value: Any, spec: TensorSpec) -> Any:
    kind, dtype = type(value), spec.dtype_name
    if dtype == "string":
        if kind is str:
            return value
        if kind is dict:
            return decode_base64(value)
    elif dtype in _FLOATS:
        if kind is float or kind is int:
            return value
    elif dtype in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[dtype]
        if kind is int and low <= value <= high:
            return value
    elif dtype == "bool":
        if kind is bool:
            return value
    elif kind is not dict:
        raise RequestError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {debug_string(value)} to type: {dtype}")
    raise invalid_argument(
        f"JSON Value: {debug_string(value)} Type: {type_name(value)} is not of expected type: {dtype}"
    )
