"""The schema that statistics are validated against, from the feature table or curated by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import schema_pb2

from adclick.errors import SettingsError
from adclick.filesystem import read_bytes
from configs.features import INT_KINDS, AnyFeature, Bucketized, FeatureTable, Label, Numeric, holds_floats
from configs.settings import SchemaSource


def table_schema(table: FeatureTable, min_presence: float) -> schema_pb2.Schema:
    """One feature per written column: its type, at most one value, presence, bounds.

    Shapes stay open, so that every column is parsed as sparse and may be missing from a serving request.
    """
    schema = schema_pb2.Schema()
    for feature in table.written:
        entry = schema.feature.add(name=feature.name, type=_type(feature))
        entry.value_count.min = entry.value_count.max = 1
        entry.presence.min_fraction = 1.0 if feature.required else min_presence
        if isinstance(feature, Label):
            domain = entry.float_domain if holds_floats(feature) else entry.int_domain
            domain.min, domain.max = 0, 1
        elif isinstance(feature, Numeric | Bucketized):
            if feature.minimum is not None:
                entry.float_domain.min = feature.minimum
            if feature.maximum is not None:
                entry.float_domain.max = feature.maximum
    return schema


def _type(feature: AnyFeature) -> schema_pb2.FeatureType:
    if holds_floats(feature):
        return schema_pb2.FLOAT
    return schema_pb2.INT if isinstance(feature, INT_KINDS) else schema_pb2.BYTES


def schema_text(source: SchemaSource, table: FeatureTable) -> str:
    """The schema in text format, from the table or a curated file. Raises SettingsError."""
    if source.file:
        return _read_curated(source.file)
    return str(text_format.MessageToString(table_schema(table, source.min_presence)))


def write_schema(source: SchemaSource, table: FeatureTable, folder: Path) -> Path:
    """A schema file named by its content, since ImportSchemaGen's cache looks at the name only.

    Raises SettingsError.
    """
    text = schema_text(source, table)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"schema-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pbtxt"
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    return file


def _read_curated(file: str) -> str:
    try:
        text = read_bytes(file).decode("utf-8")
        schema: Message = text_format.Parse(text, schema_pb2.Schema())
    except FileNotFoundError:
        raise SettingsError(f"schema.file: {file}: no such file; give path or URI of a Schema text proto") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SettingsError(f"schema.file: {file}: is no Schema text proto: {error}") from None
    return str(text_format.MessageToString(schema))
