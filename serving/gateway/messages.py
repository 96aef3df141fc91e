"""The few protobuf messages that the gateway exchanges, without TensorFlow, whose import takes five CPU seconds.

The classes are made from descriptors in a pool of their own, so that they do not meet TensorFlow's. Field numbers:
tensorflow/core/framework/{tensor,tensor_shape}.proto, tensorflow_serving/apis/{model,predict,get_model_status,logging,
prediction_log}.proto. What is left out here is skipped in reading, as protobuf does with unknown fields.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

_TYPES = {"double": 1, "float": 2, "int64": 3, "int32": 5, "string": 9, "message": 11, "bytes": 12}  # descriptor.proto
_OPTIONAL, _REPEATED = 1, 3

# message -> its fields as (name, number, type or message, repeated); DataType and State, enums, are read as int32
_MESSAGES: dict[str, tuple[tuple[str, int, str, bool], ...]] = {
    "Dim": (("size", 1, "int64", False),),
    "TensorShape": (("dim", 2, "Dim", True),),
    "Tensor": (
        ("dtype", 1, "int32", False),
        ("tensor_shape", 2, "TensorShape", False),
        ("tensor_content", 4, "bytes", False),
        ("float_val", 5, "float", True),
        ("string_val", 8, "bytes", True),
        ("int64_val", 10, "int64", True),
    ),
    "Int64Value": (("value", 1, "int64", False),),
    "ModelSpec": (
        ("name", 1, "string", False),
        ("version", 2, "Int64Value", False),
        ("signature_name", 3, "string", False),
    ),
    "PredictRequest": (("model_spec", 1, "ModelSpec", False), ("inputs", 2, "map Tensor", True)),
    "PredictResponse": (("outputs", 1, "map Tensor", True), ("model_spec", 2, "ModelSpec", False)),
    "GetModelStatusRequest": (("model_spec", 1, "ModelSpec", False),),
    "ModelVersionStatus": (("version", 1, "int64", False), ("state", 2, "int32", False)),
    "GetModelStatusResponse": (("model_version_status", 1, "ModelVersionStatus", True),),
    "SamplingConfig": (("sampling_rate", 1, "double", False),),
    "LogMetadata": (
        ("model_spec", 1, "ModelSpec", False),
        ("sampling_config", 2, "SamplingConfig", False),
        ("timestamp_secs", 4, "int64", False),
    ),
    "PredictLog": (("request", 1, "PredictRequest", False), ("response", 2, "PredictResponse", False)),
    "PredictionLog": (("log_metadata", 1, "LogMetadata", False), ("predict_log", 6, "PredictLog", False)),
}
_PACKAGE = "adclick.gateway"

DT_FLOAT, DT_STRING, DT_INT64 = 1, 7, 9  # tensorflow/core/framework/types.proto
DTYPES = {
    "DT_FLOAT": (DT_FLOAT, "float_val"),
    "DT_INT64": (DT_INT64, "int64_val"),
    "DT_STRING": (DT_STRING, "string_val"),
}
STATE_AVAILABLE = 30  # tensorflow_serving/apis/get_model_status.proto


class Messages(NamedTuple):
    """Message classes."""

    predict_request: Any
    predict_response: Any
    status_request: Any
    status_response: Any
    prediction_log: Any


@functools.lru_cache(maxsize=1)
def messages() -> Messages:
    """The classes, made at the first call."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="adclick_gateway.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, repeated in fields:
            field = message.field.add(name=field_name, number=number, label=_REPEATED if repeated else _OPTIONAL)
            if kind in _TYPES:
                field.type = _TYPES[kind]
                continue
            field.type, target = _TYPES["message"], kind
            if kind.startswith("map "):
                target = f"{name}.{_add_map_entry(message, field_name, kind.removeprefix('map '))}"
            field.type_name = f".{_PACKAGE}.{target}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)

    def made(name: str) -> Any:
        return factory.GetPrototype(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))

    return Messages(
        made("PredictRequest"),
        made("PredictResponse"),
        made("GetModelStatusRequest"),
        made("GetModelStatusResponse"),
        made("PredictionLog"),
    )


def _add_map_entry(message: Any, field_name: str, value: str) -> str:
    """A map from string is a repeated message with key and value (protobuf's encoding guide, section Maps)."""
    entry = message.nested_type.add(name=f"{field_name.capitalize()}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_OPTIONAL, type=_TYPES["string"])
    entry.field.add(
        name="value", number=2, label=_OPTIONAL, type=_TYPES["message"], type_name=f".{_PACKAGE}.{value}"
    )  # fmt: skip
    return str(entry.name)
