"""Body of a REST predict request -> arrays by input name.

Source: tensorflow_serving/util/json_tensor.cc, FillPredictRequestFromJson; the messages are that file's. A
batch that is as it should be is converted column by column; the element-by-element way runs only to find the
error's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np

from serving.models.loader import Signature, TensorSpec
from serving.models.session_call import Array
from serving.protocol.json_array import to_array
from serving.protocol.json_base64 import is_base64
from serving.protocol.json_debug import debug_string
from serving.request_error import Code, RequestError, invalid_argument

_CHUNK_ROWS = 256


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
        named = signature_name(document) or "DEFAULT"
        raise invalid_argument(f"Failed to get input map for signature: {named}")
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
        with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity, as in the original
            return _from_rows(rows, signature.inputs), True
    if "inputs" in document:
        with np.errstate(over="ignore"):
            return _from_columns(document["inputs"], signature.inputs), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def _format_error(document: object, what: str) -> RequestError:
    return invalid_argument(f"JSON Value: {debug_string(document)} {what}")


def _from_columns(value: Any, specs: Mapping[str, TensorSpec]) -> dict[str, Array]:
    if type(value) is not dict or is_base64(value):
        if len(specs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            )
        (name, spec), *_ = specs.items()
        return {name: to_array(value, spec)}
    arrays = {}
    for name, spec in specs.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = to_array(value[name], spec)
    return arrays


def _from_rows(rows: list[Any], specs: Mapping[str, TensorSpec]) -> dict[str, Array]:
    if type(rows[0]) is not dict and len(specs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
        )
    try:
        columns = _columns_of(rows, specs)
        if columns is not None:
            return {name: to_array(column, specs[name]) for name, column in columns.items()}
    except RequestError as column_error:
        raise _row_error(rows, specs) from column_error
    raise _row_error(rows, specs)


def _columns_of(rows: list[Any], specs: Mapping[str, TensorSpec]) -> dict[str, list[Any]] | None:
    """The rows' values by input; None where some row is not like the first or has other keys than the inputs."""
    if not _is_named(rows[0]):
        return None if any(map(_is_named, rows)) else {next(iter(specs)): rows}
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {len(specs)}:
        return None
    if len(specs) == 1 and not all(map(_is_named, rows)):
        return None
    try:
        if len(specs) == 1:
            (name,) = specs
            return {name: [row[name] for row in rows]}
        return dict(zip(specs, map(list, zip(*map(itemgetter(*specs), rows), strict=True)), strict=True))
    except KeyError:
        return None


def _row_error(rows: list[Any], specs: Mapping[str, TensorSpec]) -> RequestError:
    """The error that going through `rows` one by one comes upon first."""
    shapes: dict[str, tuple[int, ...]] = {}
    named = _is_named(rows[0])
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = rows[start : start + _CHUNK_ROWS]
        if start == 0 or not _is_like_the_first(chunk, named, specs, shapes):
            for index, row in enumerate(chunk, start):
                error = _error_of_row(index, row, named, specs, shapes)
                if error:
                    return error
    return RequestError(Code.INTERNAL, "Rows that are right one by one could not be put together")


def _is_like_the_first(
    chunk: list[Any], named: bool, specs: Mapping[str, TensorSpec], shapes: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether rows convert together to the shapes of the first row: many at once, for requests of many rows."""
    if _is_named(chunk[0]) != named:
        return False
    try:
        columns = _columns_of(chunk, specs)
        return columns is not None and all(
            to_array(column, specs[name]).shape[1:] == shapes[name] for name, column in columns.items()
        )
    except RequestError:
        return False


def _error_of_row(
    index: int, row: Any, named: bool, specs: Mapping[str, TensorSpec], shapes: dict[str, tuple[int, ...]]
) -> RequestError | None:
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
    return None


def _check_same_shape(expected: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if prod(expected) != prod(shape):
        raise invalid_argument(f"Expecting tensor size: {prod(expected)} but got: {prod(shape)}")
    if expected != shape:
        raise invalid_argument(f"Expecting shape {_bracketed(expected)} but got: {_bracketed(shape)}")


def _bracketed(shape: Sequence[int]) -> str:
    return "[" + ",".join(str(size) for size in shape) + "]"


def _is_named(value: object) -> bool:
    return type(value) is dict and not is_base64(value)
