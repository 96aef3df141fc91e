"""Rows of several requests put together into one run, and its outputs taken apart again.

Source: tensorflow_serving/batching/batching_session.cc (MergeInputTensors, SplitOutputTensors), batching_util.{h,cc}.
Arrays have the batch as their first dimension: [rows, ...].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from serving.models.session_call import Array
from serving.request_error import Code, RequestError, invalid_argument

Columns = Mapping[str, Array]


def batch_rows(inputs: Columns) -> int:
    """Rows of a request: the size that dimension 0 of every input has.

    Raises:
        RequestError: INVALID_ARGUMENT for no input, a scalar, or inputs of different sizes.
    """
    rows = -1
    for array in inputs.values():
        if not array.ndim:
            raise invalid_argument("Batching Run() input tensors must have at least one dimension")
        size = array.shape[0]
        if rows < 0:
            rows = size
        elif rows != size:
            raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    if rows < 0:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    return rows


def row_shapes(inputs: Columns) -> tuple[tuple[int, ...], ...]:
    """Shape of one row of each input: requests merge where these agree."""
    return tuple([array.shape[1:] for array in inputs.values()])


def row_ranks(inputs: Columns) -> tuple[tuple[int, ...], ...]:
    """Number of dimensions of each input: what has to agree where rows are padded to one shape."""
    return tuple([(array.ndim,) for array in inputs.values()])


def merge(requests: Sequence[Columns], rows: int, padded_rows: int, pad_shapes: bool = False) -> dict[str, Array]:
    """One array per input: the requests' rows one below another, then copies of a real row up to `padded_rows`."""
    merged: dict[str, Array] = {}
    for alias in requests[0]:
        arrays = [request[alias] for request in requests]
        if pad_shapes and len(arrays) > 1:
            arrays = _pad_to_one_shape(arrays)
        if padded_rows > rows:  # a real row, as any other value might be refused by the graph
            arrays.append(np.repeat(arrays[-1][:1], padded_rows - rows, axis=0))
        merged[alias] = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return merged


def _pad_to_one_shape(arrays: list[Array]) -> list[Array]:
    shape = tuple(max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True))
    padded = []
    for array in arrays:
        if array.shape[1:] == shape:
            padded.append(array)
            continue
        if not array.size:
            raise invalid_argument("A tensor without elements cannot be padded (pad_variable_length_inputs)")
        target: Array = np.full((len(array), *shape), array.flat[0], dtype=array.dtype)
        target[tuple(slice(size) for size in array.shape)] = array
        padded.append(target)
    return padded


def split(outputs: Columns, sizes: Sequence[int], padded_rows: int) -> list[dict[str, Array]]:
    """The outputs of each request (views), where `sizes` are the requests' rows.

    Raises:
        RequestError: FAILED_PRECONDITION for an output that has not one row for each input row.
    """
    check_outputs(outputs, padded_rows)
    parts = []
    start = 0
    for size in sizes:
        parts.append({alias: array[start : start + size] for alias, array in outputs.items()})
        start += size
    return parts


def check_outputs(outputs: Columns, rows: int) -> None:
    """Refuses outputs that have not one row for each of `rows` input rows.

    Raises:
        RequestError: FAILED_PRECONDITION, as such a signature cannot be batched.
    """
    for array in outputs.values():
        if not array.ndim:
            raise RequestError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if array.shape[0] != rows:
            raise RequestError(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input "
                "tensors",
            )
