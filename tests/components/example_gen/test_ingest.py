"""Files in, Examples and a report out, with every row in exactly one place."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from adclick.errors import DataError
from components.example_gen import ingest
from components.example_gen.columns import read_columns, spans_of, split_folder
from components.example_gen.ingest import (
    BlockResult,
    IngestPlan,
    ingest_block,
    plan_ingest,
    require_usable,
    write_report,
)
from components.example_gen.reject_codes import RejectCode
from components.example_gen.row_parsing import Reject
from components.example_gen.spans import select_input
from configs.features import FeatureTable
from configs.settings import Data, Split

TABLE = FeatureTable.model_validate(
    [
        {"name": "id", "kind": "key"},
        {"name": "time", "kind": "timestamp", "format": "unix_s"},
        {"name": "image", "kind": "image"},
        {"name": "clicked", "kind": "label"},
    ]
)
# month 1 comes first whatever its columns' order; lines by hand:
FIRST = "id,time,image,clicked,extra\na,10,x.png,1,\nb,20,y.png,9,\n\nc,30,,0,\n"  # 2 a, 3 b (bad label), 5 c
SECOND = "clicked,image,time,id\n0,x.png,40,d\n1,/abs.png,50,e\n1,z.png,60,f\nragged\n0,x.png,,g\n"


def deliver(root: Path) -> None:
    (root / "month-1").mkdir()
    (root / "month-1" / "m.csv").write_text(FIRST)
    (root / "month-2").mkdir()
    with gzip.open(root / "month-2" / "m.csv.gz", "wt") as stream:
        stream.write(SECOND)


def run(root: Path, output: Path, data: Data) -> tuple[dict[str, Any], dict[str, list[bytes]], IngestPlan, list[Any]]:
    source = select_input(str(root), data.pattern, data.spans)
    plan = plan_ingest(source, data, TABLE)
    uris = {split: str(output / split) for split in ("train", "eval")}
    columns = {split: split_folder(str(output / "columns"), split) for split in uris}
    for uri in (*uris.values(), *columns.values()):
        Path(uri).mkdir(parents=True)
    results = [
        ingest_block(index, block, plan.rule, data, TABLE, uris, columns) for index, block in enumerate(plan.blocks)
    ]
    counts = write_report(results, plan, source, str(output))
    ids = {}
    for split, uri in uris.items():
        files = sorted(str(file) for file in Path(uri).iterdir())
        examples = list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
        ids[split] = [
            tf.train.Example.FromString(example).features.feature["id"].bytes_list.value[0] for example in examples
        ]
    return counts, ids, plan, results


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("block_bytes", [1 << 20, 8], ids=["one block a file", "a record a block"])
def test_every_row_is_in_exactly_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    """Valid times are 10 … 60 (rejected rows count, the missing one does not): ceil(6 · 0.6) = 4, the 5th is 50."""
    monkeypatch.setattr(ingest, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr("components.example_gen.csv_blocks.HEADER_CHUNK_BYTES", block_bytes)
    (tmp_path / "data").mkdir()
    deliver(tmp_path / "data")
    output = tmp_path / "out"
    counts, ids, plan, results = run(tmp_path / "data", output, Data(split=Split(by="time", eval_share=0.4)))
    assert ids == {"train": [b"a", b"c", b"d", b"g"], "eval": [b"f"]}
    assert counts == {
        "files": {
            "month-1/m.csv": {"read": 3, "written": 2, "rejected": 1},
            "month-2/m.csv.gz": {"read": 5, "written": 3, "rejected": 2},
        },
        "spans": [1, 2],
        "rows": {"read": 8, "written": 5, "rejected": {"bad_label": 1, "ragged_row": 1, "unsafe_image_path": 1}},
        "splits": {"train": 4, "eval": 1},
        "eval_from_s": 50,
        "unknown_columns": ["extra"],
    }
    assert counts == json.loads((output / "counts.json").read_text())
    assert [tuple(row.values()) for row in rows(output / "rejects.csv")] == [
        ("month-1/m.csv", "3", "clicked", "9", "bad_label"),
        ("month-2/m.csv.gz", "3", "image", "/abs.png", "unsafe_image_path"),
        ("month-2/m.csv.gz", "5", "", "ragged", "ragged_row"),
    ]
    assert rows(output / "creatives.csv") == [
        {"path": "x.png", "impressions": "3", "first_file": "month-1/m.csv", "first_line": "2"},
        {"path": "z.png", "impressions": "1", "first_file": "month-2/m.csv.gz", "first_line": "4"},
    ]
    assert len(results) == len(plan.blocks) == (2 if block_bytes > 8 else 5)


def test_the_file_that_a_header_fault_is_in_is_named(tmp_path: Path) -> None:
    deliver(tmp_path)
    (tmp_path / "month-2" / "m.csv.gz").unlink()
    (tmp_path / "month-2" / "n.csv").write_text("id,tme,image,clicked\na,1,,0\n")
    source = select_input(str(tmp_path), Data().pattern, "all")
    with pytest.raises(DataError) as raised:
        plan_ingest(source, Data(), TABLE)
    assert str(raised.value).startswith(
        f"{tmp_path}/month-2/n.csv: line 1: the header lacks timestamp column 'time' (renamed to 'tme'?); it has id,"
    )


@pytest.mark.parametrize("content", ["id,time,image,clicked\na,2026-01-01T00:00:00Z,,0\n", "id,time,image,clicked\n\n"])
def test_times_in_another_format_are_told_before_anything_is_written(tmp_path: Path, content: str) -> None:
    (tmp_path / "month-1").mkdir()
    with gzip.open(tmp_path / "month-1" / "m.csv.gz", "wt") as stream:
        stream.write(content)
    source = select_input(str(tmp_path), Data().pattern, "all")
    with pytest.raises(DataError) as raised:
        plan_ingest(source, Data(), TABLE)
    assert str(raised.value) == (
        f"{tmp_path}/month-1/m.csv.gz: no cell of 'time' is a time in format 'unix_s'; "
        "correct the format in the feature table"
    )


def counted(train: int, evaluation: int, rejected: dict[str, int]) -> dict[str, Any]:
    written = train + evaluation
    return {
        "files": {"m.csv": {}},
        "rows": {"read": written + sum(rejected.values()), "written": written, "rejected": rejected},
        "splits": {"train": train, "eval": evaluation},
    }


def test_too_few_rows_are_told_with_the_first_rejects() -> None:
    rejects = [("m.csv", Reject(line, "clicked", "yes", RejectCode.BAD_LABEL)) for line in range(2, 9)]
    with pytest.raises(DataError) as raised:
        require_usable(counted(3, 1, {"bad_label": 7}), rejects, min_rows=5)
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "m.csv: 4 of 11 rows usable: fewer than data.limits.min_rows = 5 (bad_label: 7). "
        "Correct the files, the feature table or data.split"
    )
    assert lines[1:] == [f"  m.csv: line {line}: clicked = 'yes': bad_label" for line in range(2, 7)]


def test_an_empty_split_is_told() -> None:
    with pytest.raises(DataError, match=r"m\.csv: 9 of 9 rows usable: no rows for eval \(no row rejected\)"):
        require_usable(counted(9, 0, {}), [], min_rows=5)


def test_enough_rows_pass() -> None:
    require_usable(counted(4, 1, {"bad_label": 100}), [], min_rows=5)


def test_a_file_that_is_no_csv_is_named_with_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(tmp_path)
    source = select_input(str(tmp_path), Data().pattern, "all")
    plan = plan_ingest(source, Data(), TABLE)
    uris = {"train": str(tmp_path), "eval": str(tmp_path)}

    def refuse(*_: object) -> None:
        raise DataError("lines 2 to 3: cannot be read as CSV (why); look for a quote that is not closed")

    monkeypatch.setattr(ingest, "parse_piece", refuse)
    with pytest.raises(DataError) as raised:
        ingest_block(0, plan.blocks[0], plan.rule, Data(), TABLE, uris, uris)
    assert str(raised.value).startswith(f"{tmp_path}/month-1/m.csv: lines 2 to 3: cannot be read as CSV (why); look")


def test_creatives_of_blocks_add_up_and_keep_their_first_line(tmp_path: Path) -> None:
    deliver(tmp_path)
    source = select_input(str(tmp_path), Data().pattern, "all")
    plan = plan_ingest(source, Data(), TABLE)
    written = {"train": 1, "eval": 0}
    results = [
        BlockResult("1.csv", 2, written, [], {"b.png": (2, 7)}),
        BlockResult("1.csv", 5, written, [], {"b.png": (3, 90), "a.png": (2, 91)}),
        BlockResult("2.csv", 1, written, [], {"a.png": (1, 2)}),
    ]
    write_report(results, plan, source, str(tmp_path))
    assert [tuple(row.values()) for row in rows(tmp_path / "creatives.csv")] == [
        ("a.png", "3", "1.csv", "91"),
        ("b.png", "5", "1.csv", "7"),
    ]


def test_columns_hold_the_rows_of_the_examples_by_split_and_span(tmp_path: Path) -> None:
    deliver(tmp_path)
    _, ids, _, _ = run(tmp_path, tmp_path / "out", Data())
    uri = str(tmp_path / "out" / "columns")

    def column_ids(**chosen: Any) -> list[bytes]:
        return [one for batch in read_columns(uri, **chosen) for (one,) in batch.column("id").to_pylist()]

    assert spans_of(uri) == [1, 2]
    assert {split: column_ids(split=split) for split in ("train", "eval")} == ids
    assert sorted(column_ids(span=1) + column_ids(span=2)) == sorted(ids["train"] + ids["eval"])
    assert set(column_ids(span=2)) <= {b"d", b"e", b"f", b"g"}
