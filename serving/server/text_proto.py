"""Text-format protobuf messages of TF Serving's own configuration files, which no Python package ships.

The descriptors are built here at run time, in a pool of their own, so that the real text-format parser reads the files.
Sources: tensorflow_serving/config/ssl_config.proto, config/monitoring_config.proto and
servables/tensorflow/session_bundle_config.proto.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

_WRAPPERS = "google/protobuf/wrappers.proto"
_REPEATED = "repeated "
# message -> field -> (number, type); a capitalised type is a message.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "SSLConfig": {
        "server_key": (1, "string"),
        "server_cert": (2, "string"),
        "custom_ca": (3, "string"),
        "client_verify": (4, "bool"),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, ".tensorflow.serving.PrometheusConfig")},
    "BatchingParameters": {
        "max_batch_size": (1, ".google.protobuf.Int64Value"),
        "batch_timeout_micros": (2, ".google.protobuf.Int64Value"),
        "max_enqueued_batches": (3, ".google.protobuf.Int64Value"),
        "num_batch_threads": (4, ".google.protobuf.Int64Value"),
        "thread_pool_name": (5, ".google.protobuf.StringValue"),
        "allowed_batch_sizes": (6, _REPEATED + "int64"),
        "pad_variable_length_inputs": (7, "bool"),
        "enable_large_batch_splitting": (8, ".google.protobuf.BoolValue"),
        "max_execution_batch_size": (9, ".google.protobuf.Int64Value"),
    },
}


class ConfigFileError(Exception):
    """A configuration file that cannot be used; names file, field and mend. Exit status 2."""


def read_text_proto(path: Path, message_name: str) -> Any:
    """The message `message_name` that the text file at `path` holds.

    Raises:
        ConfigFileError: for a file that cannot be read or is no such message.
    """
    from google.protobuf import text_format

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(f"{path}: cannot be read: {error}") from error
    message = _message_class(message_name)()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise ConfigFileError(
            f"{path}: Error parsing text-format tensorflow.serving.{message_name}: {error}"
        ) from error
    return message


def add_message(file: Any, name: str, fields: dict[str, tuple[int, str]]) -> None:
    """Adds a message type with `fields` (name -> number and type) to a FileDescriptorProto."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    scalars = {"string": Field.TYPE_STRING, "bool": Field.TYPE_BOOL, "int64": Field.TYPE_INT64}
    message = file.message_type.add(name=name)
    for field_name, (number, kind) in fields.items():
        repeated, kind = kind.startswith(_REPEATED), kind.removeprefix(_REPEATED)
        label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
        field = message.field.add(name=field_name, number=number, label=label)
        if kind in scalars:
            field.type = scalars[kind]
        else:
            field.type, field.type_name = Field.TYPE_MESSAGE, kind


@functools.cache
def _message_class(name: str) -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    file = descriptor_pb2.FileDescriptorProto(
        name="serving_config_files.proto", package="tensorflow.serving", syntax="proto3", dependency=[_WRAPPERS]
    )
    for message_name, fields in _MESSAGES.items():
        add_message(file, message_name, fields)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"))
