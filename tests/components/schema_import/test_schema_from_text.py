"""The artifact is the one that ImportSchemaGen leaves of the same schema."""

from __future__ import annotations

from pathlib import Path

from tfx.components.schema_gen.import_schema_gen import executor as tfx_import
from tfx.types.standard_artifacts import Schema

from components.schema_import.executor import SchemaFromTextExecutor
from configs.loading import load_settings
from pipeline.table_schema import schema_text, write_schema


def schema_artifact(folder: Path) -> Schema:
    folder.mkdir()
    artifact = Schema()
    artifact.uri = str(folder)
    return artifact


def test_it_leaves_what_importing_the_file_leaves(tmp_path: Path) -> None:
    settings = load_settings()
    ours, theirs = schema_artifact(tmp_path / "ours"), schema_artifact(tmp_path / "theirs")
    text = schema_text(settings.schema_source, settings.features)
    SchemaFromTextExecutor().Do({}, {"schema": [ours]}, {"schema_text": text})
    file = write_schema(settings.schema_source, settings.features, tmp_path / "schemas")
    tfx_import.Executor().Do({}, {"schema": [theirs]}, {"schema_file": str(file)})

    def files(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert len(files(tmp_path / "ours")) == 1
