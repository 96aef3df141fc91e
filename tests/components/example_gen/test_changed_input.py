"""Files that change while they are read: no row of theirs may get lost unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from adclick.errors import DataError
from components.example_gen.spans import require_unchanged, select_input
from configs.features import FeatureTable
from configs.settings import Data, Split


@pytest.fixture
def data(tmp_path: Path) -> Data:
    (tmp_path / "month-1").mkdir()
    (tmp_path / "month-1" / "a.csv").write_text("id\n1\n")
    (tmp_path / "month-1" / "b.csv").write_text("id\n2\n")
    return Data(root=str(tmp_path))


def test_files_that_stay_as_they_are_pass(data: Data) -> None:
    source = select_input(data.root, data.pattern, data.spans)
    (Path(data.root) / "month-1" / "notes.txt").write_text("not of the input")
    require_unchanged(source, data, source.fingerprint)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda month: (month / "a.csv").write_text("id\n3\n"), "changed while they were read; wait"),
        (lambda month: (month / "a.csv").unlink(), r"\(month-1/a.csv is gone\)"),
        (lambda month: (month / "c.csv").write_text("id\n3\n"), r"\(month-1/c.csv is new\)"),
    ],
)
def test_a_changed_a_missing_and_a_new_file_stop_the_run(data: Data, change: object, told: str) -> None:
    source = select_input(data.root, data.pattern, data.spans)
    fingerprint = source.fingerprint
    assert callable(change)
    change(Path(data.root) / "month-1")
    with pytest.raises(DataError, match=told):
        require_unchanged(source, data, fingerprint)


def test_a_file_replaced_after_the_driver_s_look_stops_the_ingest(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    from components.artifacts import Columns, IngestReport
    from components.example_gen.driver import AdExampleGenDriver
    from components.example_gen.executor import AdExampleGenExecutor

    file = tmp_path / "month-1" / "a.csv"
    file.parent.mkdir()
    file.write_text("id,y\n" + "".join(f"u{row},{row % 2}\n" for row in range(100)))
    table = FeatureTable.model_validate([{"name": "id", "kind": "key"}, {"name": "y", "kind": "label"}])
    data = Data(root=str(tmp_path), split=Split(by="hash", column="id", eval_share=0.5))
    properties = {
        "data": data.model_dump_json(exclude={"limits"}),
        "min_rows": 10,
        "features": table.model_dump_json(),
        "code": "",
    }
    seen = AdExampleGenDriver.observe(AdExampleGenDriver.__new__(AdExampleGenDriver), {}, properties)

    def ingest(output: Path) -> None:
        outputs = {"examples": standard_artifacts.Examples(), "columns": Columns(), "ingest_report": IngestReport()}
        for name, artifact in outputs.items():
            artifact.uri = str(output / name)
            Path(artifact.uri).mkdir(parents=True)
        context = AdExampleGenExecutor.Context(beam_pipeline_args=[], tmp_dir=str(output / "tmp"), unique_id="1")
        lists = {name: [artifact] for name, artifact in outputs.items()}
        AdExampleGenExecutor(context).Do({}, lists, {**properties, **seen})

    ingest(tmp_path / "whole")
    file.write_text("id,y\n" + "".join(f"v{row},{row % 2}\n" for row in range(90)))
    with pytest.raises(DataError, match="changed while they were read"):
        ingest(tmp_path / "changed")
