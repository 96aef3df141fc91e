"""What ML Metadata leaves of an artifact on its way from one task to the next.

Follows toMLMDArtifact and toRuntimeArtifact in backend/src/v2/metadata/converter.go, and RecordArtifact and
ToRuntimeArtifact in client.go beside it.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_pb
from launcher.pod import PodError


class MetadataStore:
    """Gives ids, and forgets what ML Metadata forgets: an artifact's type, and the kinds of its values."""

    def __init__(self) -> None:
        self._ids = count(1)

    def recorded(self, name: str, artifact: spec_pb.RuntimeArtifact) -> spec_pb.RuntimeArtifact:
        """An output as its consumers get it.

        Raises:
            PodError: a type without a title, or a value that the store has no kind for.
        """
        _check_title(name, artifact.type)
        metadata = struct_pb2.Struct()
        for key, value in artifact.metadata.fields.items():
            metadata.fields[key].CopyFrom(_stored(name, key, value))
        for key, text in (("display_name", name), ("store_session_info", json.dumps({"Provider": "minio"}))):
            if key not in metadata.fields:
                metadata.fields[key].string_value = text
        seen = spec_pb.RuntimeArtifact(name=str(next(self._ids)), uri=artifact.uri, metadata=metadata)
        # Upstream's "figure out how to get schema": set, and empty.
        seen.type.instance_schema = ""
        return seen


def _check_title(name: str, kind: spec_pb.ArtifactTypeSchema) -> None:
    if kind.WhichOneof("kind") == "schema_title":
        return
    if kind.WhichOneof("kind") != "instance_schema":
        raise PodError(f"failed to determine schema for output {name!r}: unknown type")
    schema: Any = yaml.safe_load(kind.instance_schema) or {}
    if not schema.get("title"):
        raise PodError(f"output {name!r}: No title specified")


def _stored(name: str, key: str, value: struct_pb2.Value) -> struct_pb2.Value:
    kind = value.WhichOneof("kind")
    if kind in (None, "null_value"):
        raise PodError(
            f"unable to produce MLMD artifact for output {name!r}: failed to convert RuntimeArtifact to MLMD artifact: "
            f"unknown/unsupported value type for {key!r}"
        )
    stored = struct_pb2.Value()
    if kind == "bool_value":
        stored.number_value = float(value.bool_value)
    elif kind in ("list_value", "struct_value"):
        wrapper = {kind.removesuffix("_value"): json_format.MessageToDict(value)}
        json_format.ParseDict(wrapper, stored)
    else:
        stored.CopyFrom(value)
    return stored
