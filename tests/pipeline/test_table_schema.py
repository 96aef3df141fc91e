"""The feature table as a schema that statistics are held against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from adclick.errors import SettingsError
from configs.features import FeatureTable
from configs.settings import SchemaSource
from pipeline.table_schema import table_schema, write_schema

TABLE = FeatureTable.model_validate(
    [
        {"name": "id", "kind": "key", "required": True},
        {"name": "time", "kind": "timestamp"},
        {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 130},
        {"name": "bid", "kind": "bucketized", "minimum": 0.5},
        {"name": "device", "kind": "categorical"},
        {"name": "left_out", "kind": "ignore"},
        {"name": "clicked", "kind": "label"},
    ]
)


def test_each_written_column_has_type_presence_and_bounds() -> None:
    entries: dict[str, Any] = {entry.name: entry for entry in table_schema(TABLE, min_presence=0.25).feature}
    types = {name: schema_pb2.FeatureType.Name(entry.type) for name, entry in entries.items()}
    assert types == {
        "id": "BYTES",
        "time": "INT",
        "age": "FLOAT",
        "bid": "FLOAT",
        "device": "BYTES",
        "clicked": "INT",
    }
    presence = {name: entry.presence.min_fraction for name, entry in entries.items()}
    assert presence == {"id": 1.0, "time": 0.25, "age": 0.25, "bid": 0.25, "device": 0.25, "clicked": 1.0}
    assert all((entry.value_count.min, entry.value_count.max) == (1, 1) for entry in entries.values())
    assert not any(entry.HasField("shape") for entry in entries.values())
    assert (entries["age"].float_domain.min, entries["age"].float_domain.max) == (0.0, 130.0)
    assert entries["bid"].float_domain.min == 0.5
    assert not entries["bid"].float_domain.HasField("max")
    assert (entries["clicked"].int_domain.min, entries["clicked"].int_domain.max) == (0, 1)
    assert not entries["device"].HasField("float_domain")


def test_the_label_of_aggregated_rows_is_a_rate() -> None:
    counts = [{"name": "shown", "kind": "weight"}, {"name": "clicks", "kind": "label", "impressions": "shown"}]
    _, label = table_schema(FeatureTable.model_validate(counts), min_presence=0.0).feature
    assert (label.type, label.float_domain.min, label.float_domain.max) == (schema_pb2.FLOAT, 0.0, 1.0)
    assert label.float_domain.HasField("min")
    assert not label.HasField("int_domain")


def test_a_schema_file_is_named_by_what_it_holds(tmp_path: Path) -> None:
    first = write_schema(SchemaSource(), TABLE, tmp_path / "schemas")
    assert write_schema(SchemaSource(), TABLE, tmp_path / "schemas") == first
    assert text_format.Parse(first.read_text(), schema_pb2.Schema()) == table_schema(TABLE, 0.0)
    other = write_schema(SchemaSource(min_presence=0.5), TABLE, tmp_path / "schemas")
    assert other != first
    assert sorted((tmp_path / "schemas").iterdir()) == sorted([first, other])


def test_a_curated_schema_is_taken_and_a_comment_in_it_changes_no_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.pbtxt"
    source = SchemaSource(source="file", file=str(file))
    file.write_text('feature { name: "device" type: BYTES }')
    written = write_schema(source, TABLE, tmp_path)
    assert [entry.name for entry in text_format.Parse(written.read_text(), schema_pb2.Schema()).feature] == ["device"]
    file.write_text('# reviewed\nfeature {\n  name: "device"\n  type: BYTES\n}\n')
    assert write_schema(source, TABLE, tmp_path) == written


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file; give path or URI of a Schema text proto"),
        (b'feature { nme: "device" }', "is no Schema text proto: 1:11 : Message type "),
        (b"\xff\xfe", "is no Schema text proto: 'utf-8' codec can't decode byte"),
    ],
)
def test_a_curated_schema_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "mine.pbtxt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        write_schema(SchemaSource(source="file", file=str(file)), TABLE, tmp_path)
    assert str(raised.value).startswith(f"schema.file: {file}: {told}")
