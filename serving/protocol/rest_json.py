"""Body of a REST predict request -> arrays by input name.

Source: tensorflow_serving/util/json_tensor.cc, FillPredictRequestFromJson; the messages are that file's. A
batch that is as it should be is converted column by column; the element-by-element way runs only to find the
error's place.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.models.loader import Signature, TensorSpec
from serving.models.session_call import Array
from serving.protocol.json_text import debug_string, parse_error, type_name
from serving.request_error import Code, RequestError, invalid_argument

_INT32 = (-(2**31), 2**31 - 1)
_INTEGER_RANGES = {  # the original reads the narrower types as int32 too
    "int8": _INT32,
    "int16": _INT32,
    "uint8": _INT32,
    "int32": _INT32,
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = ("float", "double")


def signature_name(document: Mapping[str, Any]) -> str:
    """The optional `signature_name` of a request; empty where it has none.

    Raises:
        RequestError: where it is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {debug_string(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def read_inputs(document: Mapping[str, Any], signature: Signature) -> tuple[dict[str, Array], bool]:
    """Arrays by input name, and whether the request is in rows (`instances`) rather than columns (`inputs`).

    Raises:
        RequestError: INVALID_ARGUMENT naming the element, the key and what is wrong with it.
    """
    if not signature.inputs:
        raise invalid_argument(f"Failed to get input map for signature: {signature.name}")
    if "instances" in document and "inputs" in document:
        raise _format_error(
            document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        rows = document["instances"]
        if not isinstance(rows, list):
            raise _format_error(document, "Expecting 'instances' to be an list/array")
        if not rows:
            raise _format_error(document, "No values in 'instances' array")
        return _from_rows(rows, signature.inputs), True
    if "inputs" in document:
        return _from_columns(document["inputs"], signature.inputs), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def _format_error(document: object, what: str) -> RequestError:
    return invalid_argument(f"JSON Value: {debug_string(document)} {what}")


def _from_columns(value: Any, specs: Mapping[str, TensorSpec]) -> dict[str, Array]:
    if not _is_named(value):
        if len(specs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            )
        (name, spec), *_ = specs.items()
        return {name: to_array(value, spec)}
    for name in specs:
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(value[name], spec) for name, spec in specs.items()}


def _from_rows(rows: list[Any], specs: Mapping[str, TensorSpec]) -> dict[str, Array]:
    if not isinstance(rows[0], dict) and len(specs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    if _is_named(rows[0]):
        if all(_is_named(row) and row.keys() == specs.keys() for row in rows):
            columns = {name: [row[name] for row in rows] for name in specs}
        else:
            raise _row_error(rows, specs)
    elif any(_is_named(row) for row in rows):
        raise _row_error(rows, specs)
    else:
        columns = {next(iter(specs)): rows}
    try:
        return {name: to_array(column, specs[name]) for name, column in columns.items()}
    except RequestError as column_error:
        raise _row_error(rows, specs) from column_error


def _row_error(rows: list[Any], specs: Mapping[str, TensorSpec]) -> RequestError:
    """The error that going through `rows` one by one comes upon first."""
    shapes: dict[str, tuple[int, ...]] = {}
    named = _is_named(rows[0])
    for index, row in enumerate(rows):
        if _is_named(row) != named:
            return invalid_argument(
                f"Expecting object but got list at item {index} of input list"
                if named
                else f"Expecting value/list but got object at item {index} of input list"
            )
        for name, value in row.items() if named else [(next(iter(specs)), row)]:
            try:
                if name not in specs:
                    raise invalid_argument(f"JSON object: does not have named input: {name}")
                shape = to_array(value, specs[name]).shape
                _check_same_shape(shapes.setdefault(name, shape), shape)
            except RequestError as error:
                key = f" key: {name}" if named else ""
                return invalid_argument(f"Failed to process element: {index}{key} of 'instances' list. Error: {error}")
        if named and row.keys() != specs.keys():
            return invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: {debug_string(row)} "
                f"keys must be equal to: {','.join(specs)}"
            )
    return RequestError(Code.INTERNAL, "Rows that are right one by one could not be put together")


def _check_same_shape(expected: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if np.prod(expected) != np.prod(shape):
        raise invalid_argument(f"Expecting tensor size: {int(np.prod(expected))} but got: {int(np.prod(shape))}")
    if expected != shape:
        raise invalid_argument(f"Expecting shape {_bracketed(expected)} but got: {_bracketed(shape)}")


def _bracketed(shape: Sequence[int]) -> str:
    return "[" + ",".join(str(size) for size in shape) + "]"


def to_array(value: Any, spec: TensorSpec) -> Array:
    """Array of a JSON value (scalar, list, lists of lists), its shape taken from the first elements.

    Raises:
        RequestError: INVALID_ARGUMENT for a ragged list or a value of another type than the input's;
            UNIMPLEMENTED for a dtype that JSON has no form for.
    """
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    flat: list[Any] = []
    _flatten(value, 0, shape, spec, flat)
    if spec.dtype_name == "string":
        # Assigned, not constructed: NumPy would make its own fixed-width strings and cut trailing zero bytes.
        array: Array = np.empty(len(flat), dtype=object)
        array[:] = flat
    else:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity, as in the original
            wide = np.int64 if _INTEGER_RANGES.get(spec.dtype_name) == _INT32 else spec.numpy_dtype
            array = np.array(flat, dtype=wide).astype(spec.numpy_dtype, copy=False)
    return array.reshape(shape)


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
    leaves = _uniform_leaves(value, spec) if level + 1 == len(shape) else None
    if leaves is not None:
        flat.extend(leaves)
        return
    for item in value:
        _flatten(item, level + 1, shape, spec, flat)


def _uniform_leaves(values: list[Any], spec: TensorSpec) -> list[Any] | None:
    """The leaves of a list whose elements are all of the one expected type; None where they may not be."""
    kinds = set(map(type, values))
    if spec.dtype_name in _FLOATS and kinds == {float}:
        return values
    if spec.dtype_name == "string" and kinds == {str}:
        return [_encode(value) for value in values]
    return None


def _leaf(value: Any, spec: TensorSpec) -> Any:
    kind = type(value)
    if spec.dtype_name == "string":
        if kind is str:
            return _encode(value)
        if kind is dict:
            return _decode_base64(value)
    elif spec.dtype_name in _FLOATS:
        if kind is float:
            return value
        if kind is int:
            try:
                return float(value)
            except OverflowError as error:
                raise parse_error("Number too big to be stored in double.") from error
    elif spec.dtype_name in _INTEGER_RANGES:
        low, high = _INTEGER_RANGES[spec.dtype_name]
        if kind is int and low <= value <= high:
            return value
    elif spec.dtype_name == "bool":
        if kind is bool:
            return value
    else:
        raise RequestError(
            Code.UNIMPLEMENTED, f"Conversion of JSON Value: {debug_string(value)} to type: {spec.dtype_name}"
        )
    raise invalid_argument(
        f"JSON Value: {debug_string(value)} Type: {type_name(value)} is not of expected type: {spec.dtype_name}"
    )


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise parse_error("The surrogate pair in string is invalid.") from error


def _is_base64(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _is_named(value: object) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _decode_base64(value: dict[str, Any]) -> bytes:
    if not _is_base64(value):
        raise invalid_argument(f"JSON Value: {debug_string(value)} not formatted correctly for base64 data")
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Unable to base64 decode") from error
