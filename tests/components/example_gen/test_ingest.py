"""Files in, Examples and a report out, with every row in exactly one place."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from adclick.errors import DataError
from components.example_gen import ingest
from components.example_gen.columns import read_columns, spans_of, split_folder
from components.example_gen.ingest import IngestPlan, Targets, ingest_block, plan_ingest
from components.example_gen.report import write_report
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
        ingest_block(index, block, plan.rule, data, TABLE, Targets(uris, columns, str(output / f"rejects-{index}")))
        for index, block in enumerate(plan.blocks)
    ]
    counts = write_report(results, source, plan.rule.cutoff_s, plan.unknown_columns, str(output))
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
        "span_files": {
            "1": {"version": None, "files": ["month-1/m.csv"]},
            "2": {"version": None, "files": ["month-2/m.csv.gz"]},
        },
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


@pytest.mark.parametrize(
    "content", ["id,time,image,clicked\na,2026-01-01T00:00:00Z,,0\n", "id,time,image,clicked\na,,,0\n"]
)
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


def test_a_key_is_never_in_two_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 users with about 10 rows each, spread over blocks, a compressed file and a Parquet file of one span."""
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr("components.example_gen.csv_blocks.HEADER_CHUNK_BYTES", 100)
    users = [f"u{number}" for number in np.random.default_rng(4).integers(0, 300, 3_000)]
    parts = users[:1_500], users[1_500:2_250], users[2_250:]
    month = tmp_path / "data" / "month-1"
    month.mkdir(parents=True)
    text = ["id,time,image,clicked\n" + "".join(f"{user},{i},,0\n" for i, user in enumerate(part)) for part in parts]
    (month / "a.csv").write_text(text[0])
    with gzip.open(month / "b.csv.gz", "wt") as stream:
        stream.write(text[1])
    size = len(parts[2])
    columns = {"id": parts[2], "time": range(size), "image": [None] * size, "clicked": [False] * size}
    pq.write_table(pa.table({name: list(cells) for name, cells in columns.items()}), month / "c.parquet")
    split = Split(by="hash", column="id", eval_share=0.3)
    data = Data(pattern="month-{SPAN}/*", split=split)
    counts, ids, plan, _ = run(tmp_path / "data", tmp_path / "out", data)
    assert len(plan.blocks) > 4
    assert counts["rows"] == {"read": 3_000, "written": 3_000, "rejected": {}}
    assert not set(ids["train"]) & set(ids["eval"])
    assert len(set(ids["train"])) + len(set(ids["eval"])) == len(set(users))
    # of 300 keys 30% are expected, standard deviation √(300 · 0.3 · 0.7) = 7.9
    assert abs(len(set(ids["eval"])) - 90) < 4 * 7.9


def test_the_same_data_gives_the_same_records_in_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BLOCK_BYTES", 8)
    (tmp_path / "data").mkdir()
    deliver(tmp_path / "data")
    data = Data(split=Split(by="time", eval_share=0.4))
    first, second = (run(tmp_path / "data", tmp_path / name, data)[1] for name in ("first", "second"))
    assert first == second
    files = [[file.name for file in sorted((tmp_path / name / "train").iterdir())] for name in ("first", "second")]
    assert files[0] == files[1]


def test_a_month_of_bad_rows_is_counted_without_being_held(tmp_path: Path) -> None:
    month = tmp_path / "data" / "month-1"
    month.mkdir(parents=True)
    (month / "m.csv").write_text("id,time,image,clicked\n" + "".join(f"r{i},{i},,maybe\n" for i in range(5_000)))
    data = Data(split=Split(by="time"))
    counts, _, _, (result,) = run(tmp_path / "data", tmp_path / "out", data)
    assert counts["rows"] == {"read": 5_000, "written": 0, "rejected": {"bad_label": 5_000}}
    assert [reject.line for reject in result.first_rejects] == [2, 3, 4, 5, 6]
    told = rows(tmp_path / "out" / "rejects.csv")
    assert [int(row["line"]) for row in told] == list(range(2, 5_002))
