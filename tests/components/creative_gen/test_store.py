"""The creative store, written and read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from components.creative_gen.store import Creative, Unusable, read_pixels, read_references, read_unusable, write_store


def test_a_store_comes_back_as_it_was_written(tmp_path: Path) -> None:
    stored = [Creative("images/ä.png", 5, "m.csv", 2), Creative('with "quotes", comma.png', 1, "m.csv", 9)]
    pixels = np.random.default_rng(2).integers(0, 256, (2, 16, 16, 3), np.uint8)
    unusable = [
        Unusable(Creative("gone.png", 2, "n.csv", 4), "missing", "no file"),
        Unusable(Creative("cut.jpg", 1, "n.csv", 5), "corrupt", "line 1\nline 2"),
        Unusable(Creative("gone too.png", 7, "n.csv", 6), "missing", "no file"),
    ]
    write_store(str(tmp_path), stored, pixels, unusable, distinct=5)
    found = read_pixels(str(tmp_path))
    assert found.keys == ("images/ä.png", 'with "quotes", comma.png')
    assert np.array_equal(found.pixels, pixels)
    assert found.pixels.dtype == np.uint8
    rows = read_unusable(str(tmp_path))
    assert rows[1] == {
        "path": "cut.jpg",
        "reason": "corrupt",
        "detail": "line 1\nline 2",
        "impressions": "1",
        "first_file": "n.csv",
        "first_line": "5",
    }
    assert [row["path"] for row in rows] == ["gone.png", "cut.jpg", "gone too.png"]
    assert json.loads((tmp_path / "counts.json").read_text()) == {
        "distinct": 5,
        "stored": 2,
        "unusable": {"corrupt": 1, "missing": 2},
    }


def test_an_empty_store_can_be_read(tmp_path: Path) -> None:
    write_store(str(tmp_path), [], np.zeros((0, 16, 16, 3), np.uint8), [], distinct=0)
    found = read_pixels(str(tmp_path))
    assert (found.keys, found.pixels.shape) == ((), (0, 16, 16, 3))
    assert read_unusable(str(tmp_path)) == []


def test_references_of_an_ingest_report(tmp_path: Path) -> None:
    (tmp_path / "creatives.csv").write_text(
        'path,impressions,first_file,first_line\r\n"a,b.png",3,month-1/m.csv,17\r\n', encoding="utf-8"
    )
    assert read_references(str(tmp_path)) == [Creative("a,b.png", 3, "month-1/m.csv", 17)]
