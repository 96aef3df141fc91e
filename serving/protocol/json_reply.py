"""Values -> body of a REST reply, laid out as the original lays it out.

Source: tensorflow_serving/util/json_tensor.cc, MakeJsonFromTensors, MakeJsonFromClassificationResult,
MakeJsonFromRegressionResult and MakeJsonFromStatus. Other than there, bytes that are no UTF-8 are
replaced in strings: JSON is UTF-8 (RFC 8259, section 8.1). Outputs of bytes are named `…_bytes` for that.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence

import numpy as np

from serving.models.loader import TensorSpec
from serving.models.session_call import Array
from serving.protocol.example_results import Classes
from serving.protocol.json_debug import json_string
from serving.protocol.json_decimals import decimals
from serving.request_error import invalid_argument

_INDENT = "    "
_FLOATS = ("float", "double")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")  # uint16 has no form there


def predictions_json(outputs: Mapping[str, Array], specs: Mapping[str, TensorSpec]) -> bytes:
    """`{"predictions": [...]}`: one element per row, unwrapped where there is a single output.

    Raises:
        RequestError: INVALID_ARGUMENT for an output without batch dimension, or batches of different sizes.
    """
    _check_batch(outputs)
    # Elements of a list of rows stand two levels deep, their members three; arrays below are on one line.
    if len(outputs) == 1:
        ((name, array),) = outputs.items()
        return _document("predictions", "[" + ", ".join(_rows(array, name, specs[name], 2, None)) + _end_of_list(array))
    columns = [_rows(array, name, specs[name], 3, None) for name, array in outputs.items()]
    keys = [f"\n{_INDENT * 3}{json_string(name)}: " for name in outputs]
    rows = [
        "\n" + _INDENT * 2 + "{" + ",".join(map(str.__add__, keys, texts)) + "\n" + _INDENT * 2 + "}"
        for texts in zip(*columns, strict=True)
    ]
    return _document("predictions", "[" + ",".join(rows) + _end_of_list(rows))


def outputs_json(outputs: Mapping[str, Array], specs: Mapping[str, TensorSpec]) -> bytes:
    """`{"outputs": ...}`: whole tensors, unwrapped where there is a single output.

    Raises:
        RequestError: INVALID_ARGUMENT for an output of a dtype that JSON has no form for.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    level = 1 if len(outputs) == 1 else 2
    texts = {name: _rows(array[np.newaxis], name, specs[name], level, level)[0] for name, array in outputs.items()}
    if len(texts) == 1:
        return _document("outputs", next(iter(texts.values())))
    members = ",".join(f"\n{_INDENT * 2}{json_string(name)}: {text}" for name, text in texts.items())
    return _document("outputs", "{" + members + "\n" + _INDENT + "}")


def classifications_json(classifications: Sequence[Classes]) -> bytes:
    """`{"results": [[["label", score], …], …]}`."""
    rows = []
    for classes in classifications:
        scores = decimals(np.array([score for _, score in classes], np.float32))
        pairs = [f"[{json_string(label)}, {score}]" for (label, _), score in zip(classes, scores, strict=True)]
        rows.append("[" + ", ".join(pairs) + "]")
    return _document("results", "[" + ", ".join(rows) + _end_of_list(rows))


def regressions_json(values: Array) -> bytes:
    """`{"results": [value, …]}` of float32 values."""
    return _document("results", "[" + ", ".join(decimals(values)) + "]")


def error_json(message: str) -> bytes:
    """`{"error": "…"}`."""
    return _document("error", json_string(message))


def _document(key: str, text: str) -> bytes:
    return f'{{\n{_INDENT}"{key}": {text}\n}}'.encode("utf-8", "replace")


def _end_of_list(elements: Sequence[object] | Array) -> str:
    return f"\n{_INDENT}]" if len(elements) else "]"


def _check_batch(outputs: Mapping[str, Array]) -> None:
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    batch_size: int | None = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if batch_size is not None and len(array) != batch_size:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch_size}"
            )
        batch_size = len(array)


def _rows(array: Array, name: str, spec: TensorSpec, value_level: int, list_level: int | None) -> list[str]:
    """JSON text of each array[i].

    `value_level`: how deep its value stands, for objects within; `list_level`: the same, where lists get a line for
    each element; None for lists on one line.
    """  # array: [batch, ...]
    rank = array.ndim - 1
    texts = _values(array, name, spec, value_level + rank)
    for axis in range(rank, 0, -1):
        size = array.shape[axis]
        first, between, last = "[", ", ", "]"
        if list_level is not None and size:
            outer = "\n" + _INDENT * (list_level + axis - 1)
            first, between, last = "[" + outer + _INDENT, "," + outer + _INDENT, outer + "]"
        lists = range(math.prod(array.shape[:axis]))
        texts = [first + between.join(texts[i * size : (i + 1) * size]) + last for i in lists]
    return texts


def _values(array: Array, name: str, spec: TensorSpec, level: int) -> list[str]:
    """JSON text of each element, in row-major order."""
    values = array.ravel()
    if spec.dtype_name in _FLOATS:
        return decimals(values)
    if spec.dtype_name == "string":
        if name.endswith("_bytes"):
            outer = "\n" + _INDENT * level
            return [f'{{{outer}{_INDENT}"b64": "{base64.b64encode(value).decode()}"{outer}}}' for value in values]
        strings = values.tolist()
        texts = {value: json_string(value.decode("utf-8", "replace")) for value in set(strings)}
        return [texts[value] for value in strings]
    if spec.dtype_name == "bool":
        return ["true" if value else "false" for value in values.tolist()]
    if spec.dtype_name in _INTEGERS:
        return list(map(str, values.tolist()))
    if not len(values):
        return []
    raise invalid_argument(f"Failed to write JSON value for tensor type: {spec.dtype_name}")
