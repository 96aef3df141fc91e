"""Arrays -> body of a REST predict reply.

Source: tensorflow_serving/util/json_tensor.cc, MakeJsonFromTensors and WriteDecimal.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping

import numpy as np

from serving.models.loader import TensorSpec
from serving.models.session_call import Array
from serving.request_error import invalid_argument

_SHORT_DIGITS = 6  # printf %g, which absl::StrCat follows
_FULL_DIGITS = {"float": 9, "double": 17}  # std::numeric_limits<T>::max_digits10


def predictions_json(outputs: Mapping[str, Array], specs: Mapping[str, TensorSpec]) -> str:
    """`{"predictions": [...]}`: one element per row, unwrapped where there is a single output.

    Raises:
        RequestError: INVALID_ARGUMENT for an output without batch dimension, or batches of different sizes.
    """
    batch_size: int | None = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if batch_size is not None and len(array) != batch_size:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch_size}"
            )
        batch_size = len(array)
    columns = {name: _rows(array, name, specs[name]) for name, array in outputs.items()}
    if len(columns) == 1:
        rows = next(iter(columns.values()))
    else:
        keys = [json.dumps(name) for name in columns]
        rows = [
            "{" + ", ".join(f"{key}: {text}" for key, text in zip(keys, texts, strict=True)) + "}"
            for texts in zip(*columns.values(), strict=True)
        ]
    return '{"predictions": [' + ", ".join(rows) + "]}"


def outputs_json(outputs: Mapping[str, Array], specs: Mapping[str, TensorSpec]) -> str:
    """`{"outputs": ...}`: whole tensors, unwrapped where there is a single output."""
    columns = {name: _rows(array[np.newaxis], name, specs[name])[0] for name, array in outputs.items()}
    if len(columns) == 1:
        return '{"outputs": ' + next(iter(columns.values())) + "}"
    return '{"outputs": {' + ", ".join(f"{json.dumps(name)}: {text}" for name, text in columns.items()) + "}}"


def _rows(array: Array, name: str, spec: TensorSpec) -> list[str]:
    """JSON text of each array[i]."""  # array: [batch, ...]
    texts = _values(array, name, spec)
    for axis in range(array.ndim - 1, 0, -1):
        size = array.shape[axis]
        lists = range(math.prod(array.shape[:axis]))
        texts = ["[" + ", ".join(texts[i * size : (i + 1) * size]) + "]" for i in lists]
    return texts


def _values(array: Array, name: str, spec: TensorSpec) -> list[str]:
    """JSON text of each element, in row-major order."""
    values = array.ravel()
    if spec.dtype_name in _FULL_DIGITS:
        return _decimals(values, _FULL_DIGITS[spec.dtype_name])
    if spec.dtype_name == "string":
        if name.endswith("_bytes"):
            return [json.dumps({"b64": base64.b64encode(value).decode()}) for value in values]
        return [json.dumps(value.decode("utf-8", "replace")) for value in values]
    if spec.dtype_name == "bool" or spec.dtype_name.removeprefix("u").startswith("int"):
        return [json.dumps(value) for value in values.tolist()]
    raise invalid_argument(f"Failed to write JSON value for tensor type: {spec.dtype_name}")


def _decimals(values: Array, full_digits: int) -> list[str]:
    """Six digits where they read back as the same number, else all; whole numbers keep a `.0`."""
    floats = values.tolist()
    short = [f"{number:.{_SHORT_DIGITS}g}" for number in floats]
    with np.errstate(over="ignore"):
        same = (np.array(short, dtype=np.float64).astype(values.dtype) == values).tolist()
    return [
        _decimal(text if exact else f"{number:.{full_digits}g}")
        for text, exact, number in zip(short, same, floats, strict=True)
    ]


def _decimal(text: str) -> str:
    if text[-1] in "nf":  # nan, inf, -inf
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[text]
    return text if "." in text or "e" in text else text + ".0"
