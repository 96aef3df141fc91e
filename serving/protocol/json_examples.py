"""Body of a REST classify or regress request -> serialized tf.Examples.

Source: tensorflow_serving/util/json_tensor.cc, FillClassifyRegressRequestFromJson; the messages are that file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.protocol.json_base64 import decode_base64, is_base64
from serving.protocol.json_debug import debug_string, type_name
from serving.protocol.rest_json import signature_name
from serving.request_error import invalid_argument

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class ExamplesRequest:
    """What the body of a classify or regress request says."""

    signature_name: str
    examples: list[bytes]
    """Serialized tf.Examples, the context merged into each; at least one."""


def read_examples(document: Mapping[str, Any]) -> ExamplesRequest:
    """The request that a JSON object stands for.

    Raises:
        RequestError: INVALID_ARGUMENT naming the feature and what is wrong with it.
    """
    name = signature_name(document)
    context = _serialized_example(document["context"]) if "context" in document else b""
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {debug_string(document)} When method is classify, key 'examples' is expected "
            "and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise invalid_argument(f"JSON Value: {debug_string(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid_argument(f"JSON Value: {debug_string(document)} 'examples' value is an empty array")
    return ExamplesRequest(name, [context + _serialized_example(example) for example in examples])


def _serialized_example(value: Any) -> bytes:
    from tensorflow.core.example import example_pb2

    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_name(value)}")
    example = example_pb2.Example()
    features = example.features.feature
    for name, content in value.items():
        _fill_feature(features[name], name, content if isinstance(content, list) else [content])
    serialized: bytes = example.SerializeToString()
    return serialized


def _fill_feature(feature: Any, name: str, items: list[Any]) -> None:
    """Values of one kind; the first decides which."""
    kind = ""
    values: list[Any] = []
    for item in items:
        item_kind, value = _read_item(name, item)
        if kind and item_kind != kind:
            raise invalid_argument(f"Unexpected element type in feature: {name} expecting type: {kind}")
        kind = item_kind
        if isinstance(item, dict):
            value = decode_base64(item)
        elif kind == "int64" and value > _INT64_MAX:
            raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
        values.append(value)
    if kind == "bytes":
        feature.bytes_list.value.extend(values)
    elif kind == "int64":
        feature.int64_list.value.extend(values)
    elif kind == "float":
        with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity, as in the original
            feature.float_list.value.extend(np.array(values, np.float32).tolist())


def _read_item(name: str, item: Any) -> tuple[str, Any]:
    """(kind, value) of one element; of bytes in base64 no value yet."""
    if isinstance(item, str):
        return "bytes", item.encode()
    if isinstance(item, int):  # True and False are ints: 1 and 0
        return "int64", int(item)
    if isinstance(item, float):
        return "float", item
    if is_base64(item):
        return "bytes", b""
    raise invalid_argument(f"Feature: {name} has element with unexpected JSON type: {type_name(item)}")
