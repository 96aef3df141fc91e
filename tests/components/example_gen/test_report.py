"""What a run is told of its data: counts, rejects, creatives, and where too little is left."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from adclick.errors import DataError
from components.example_gen.reject_codes import RejectCode
from components.example_gen.rejects import Reject, write_rejects
from components.example_gen.report import BlockResult, require_usable, write_report
from components.example_gen.spans import SpanFile, SpanInput


def block(folder: Path, file: str, read: int, creatives: dict[str, tuple[int, int]], *rejects: Reject) -> BlockResult:
    part = folder / f"part-{len(list(folder.iterdir()))}"
    with part.open("wb") as stream:
        write_rejects(stream, file, rejects)
    reasons = {reject.code.value: 1 for reject in rejects}
    written = {"train": read - len(rejects), "eval": 0}
    return BlockResult(file, read, written, reasons, list(rejects), creatives, str(part))


def rows(file: Path) -> list[tuple[str, ...]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return [tuple(row.values()) for row in csv.DictReader(stream)]


SOURCE = SpanInput((3, 12), (SpanFile("1.csv", "/d/1.csv", 3, 2), SpanFile("2.csv", "/d/2.csv", 12, 1)))


def test_blocks_add_up_by_file_and_reason(tmp_path: Path) -> None:
    bad_label, ragged = Reject(4, "clicked", "yes", RejectCode.BAD_LABEL), Reject(9, "", "a,b", RejectCode.RAGGED_ROW)
    results = [
        block(tmp_path, "1.csv", 5, {}, bad_label),
        block(tmp_path, "1.csv", 7, {}, ragged),
        block(tmp_path, "2.csv", 2, {}, bad_label),
    ]
    counts = write_report(results, SOURCE, None, ["extra"], str(tmp_path))
    assert counts == json.loads((tmp_path / "counts.json").read_text())
    assert counts["files"] == {
        "1.csv": {"read": 12, "written": 10, "rejected": 2},
        "2.csv": {"read": 2, "written": 1, "rejected": 1},
    }
    assert counts["rows"] == {"read": 14, "written": 11, "rejected": {"bad_label": 2, "ragged_row": 1}}
    assert counts["spans"] == [3, 12]
    assert counts["span_files"] == {
        "3": {"version": 2, "files": ["1.csv"]},
        "12": {"version": 1, "files": ["2.csv"]},
    }
    assert rows(tmp_path / "rejects.csv") == [
        ("1.csv", "4", "clicked", "yes", "bad_label"),
        ("1.csv", "9", "", "a,b", "ragged_row"),
        ("2.csv", "4", "clicked", "yes", "bad_label"),
    ]


def test_creatives_of_blocks_add_up_and_keep_their_first_line(tmp_path: Path) -> None:
    results = [
        block(tmp_path, "1.csv", 2, {"b.png": (2, 7)}),
        block(tmp_path, "1.csv", 5, {"b.png": (3, 90), "a.png": (2, 91)}),
        block(tmp_path, "2.csv", 1, {"a.png": (1, 2)}),
    ]
    write_report(results, SOURCE, None, [], str(tmp_path))
    assert rows(tmp_path / "creatives.csv") == [("a.png", "3", "1.csv", "91"), ("b.png", "5", "1.csv", "7")]


def counted(train: int, evaluation: int, rejected: dict[str, int]) -> dict[str, Any]:
    written = train + evaluation
    return {
        "files": {"m.csv": {}},
        "rows": {"read": written + sum(rejected.values()), "written": written, "rejected": rejected},
        "splits": {"train": train, "eval": evaluation},
    }


def test_too_few_rows_are_told_with_the_first_rejects() -> None:
    rejects = [Reject(line, "clicked", "yes", RejectCode.BAD_LABEL) for line in range(2, 9)]
    results = [BlockResult("m.csv", 11, {}, {}, part, {}, "") for part in (rejects[:2], rejects[2:])]
    with pytest.raises(DataError) as raised:
        require_usable(counted(3, 1, {"bad_label": 7}), results, min_rows=5)
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
