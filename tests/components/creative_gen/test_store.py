"""The creative store, written and read."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np

from components.creative_gen.image_checks import Fault, UnusableCode
from components.creative_gen.store import (
    STORE_FILES,
    Creative,
    Outcome,
    Source,
    read_pixels,
    read_references,
    read_unusable,
    write_store,
)
from components.example_gen.rejects import csv_bytes
from components.example_gen.report import CREATIVE_COLUMNS


def test_a_store_comes_back_as_it_was_written(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (2, 16, 16, 3), np.uint8)
    missing = Fault(UnusableCode.MISSING, "no file")
    outcomes = [
        Outcome(Creative("images/ä.png", 5, "m.csv", 2), pixels[0], Source("7-1", "ab"), was_read=True),
        Outcome(Creative("gone.png", 2, "n.csv", 4), missing),
        Outcome(Creative('with "quotes",\r comma.png', 1, "m.csv", 9), pixels[1], Source("8-1", "cd"), was_reused=True),
        Outcome(
            Creative("cut.jpg", 1, "n.csv", 5),
            Fault(UnusableCode.CORRUPT, "line 1\nline 2"),
            Source(None, "ef"),
            was_read=True,
        ),
        Outcome(Creative("gone too.png", 7, "n.csv", 6), missing),
    ]
    written = write_store(str(tmp_path / "store"), iter(outcomes), 16)
    found = read_pixels(str(tmp_path / "store"))
    assert found.keys == ("images/ä.png", 'with "quotes",\r comma.png')
    assert np.array_equal(found.pixels, pixels)
    assert found.pixels.dtype == np.uint8
    rows = read_unusable(str(tmp_path / "store"))
    assert rows[1] == {
        "path": "cut.jpg",
        "reason": "corrupt",
        "detail": "line 1\nline 2",
        "impressions": "1",
        "first_file": "n.csv",
        "first_line": "5",
    }
    assert [row["path"] for row in rows] == ["gone.png", "cut.jpg", "gone too.png"]
    assert written == ({one.creative.path: one.source for one in outcomes}, 2, 1)
    assert json.loads((tmp_path / "store" / "counts.json").read_text()) == {
        "distinct": 5,
        "stored": 2,
        "unusable": {"corrupt": 1, "missing": 2},
    }
    assert sorted(file.name for file in (tmp_path / "store").iterdir()) == sorted(STORE_FILES)


def test_pixels_are_a_file_as_numpy_writes_it(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (11, 16, 16, 3), np.uint8)
    write_store(str(tmp_path), [Outcome(Creative(str(n), 1, "m", 2), one) for n, one in enumerate(pixels)], 16)
    np.save(tmp_path / "by_numpy.npy", pixels)
    assert (tmp_path / "pixels.npy").read_bytes() == (tmp_path / "by_numpy.npy").read_bytes()


def test_writing_and_reading_a_store_need_no_memory_for_its_pixels(tmp_path: Path) -> None:
    """2,000 creatives of 64 px are 2,000 · 64 · 64 · 3 = 24.6 MB; a sixth of that is allowed."""
    one = np.zeros((64, 64, 3), np.uint8)
    tracemalloc.start()
    write_store(str(tmp_path), (Outcome(Creative(str(n), 1, "m", 2), one.copy()) for n in range(2000)), 64)
    found = read_pixels(str(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.pixels.nbytes == 24_576_000
    assert peak < 4_096_000


def test_a_store_in_memory_that_is_no_local_folder(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (2, 16, 16, 3), np.uint8)
    write_store("memory://store", [Outcome(Creative(str(n), 1, "m", 2), one) for n, one in enumerate(pixels)], 16)
    found = read_pixels("memory://store")
    assert (found.keys, found.pixels.tolist()) == (("0", "1"), pixels.tolist())


def test_an_empty_store_can_be_read(tmp_path: Path) -> None:
    write_store(str(tmp_path), [], 16)
    found = read_pixels(str(tmp_path))
    assert (found.keys, found.pixels.shape) == ((), (0, 16, 16, 3))
    assert found.pixels.dtype == np.uint8
    assert read_unusable(str(tmp_path)) == []


def test_references_of_an_ingest_report(tmp_path: Path) -> None:
    (tmp_path / "creatives.csv").write_text(
        'path,impressions,first_file,first_line\r\n"a,b.png",3,month-1/m.csv,17\r\n', encoding="utf-8"
    )
    assert read_references(str(tmp_path)) == [Creative("a,b.png", 3, "month-1/m.csv", 17)]


def test_a_path_of_any_length_is_listed(tmp_path: Path) -> None:
    base64 = "iVBORw0KGgo" * 20_000  # an image itself where its path belongs
    creatives = [Creative(base64, 1, "m.csv", 2), Creative("a.png", 2, "m.csv", 3)]
    (tmp_path / "creatives.csv").write_bytes(csv_bytes([CREATIVE_COLUMNS, *creatives]))
    assert read_references(str(tmp_path)) == creatives
