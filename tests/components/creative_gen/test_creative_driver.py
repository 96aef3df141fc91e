"""The fingerprint by which a changed image is noticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from components.artifacts import IngestReport
from components.creative_gen.driver import CreativeGenDriver
from configs.settings import Creatives

PATHS = ["a.png", "b.png", "gone.png"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    report = tmp_path / "report"
    report.mkdir()
    lines = "".join(f"{path},1,m.csv,2\n" for path in PATHS)
    (report / "creatives.csv").write_text(f"path,impressions,first_file,first_line\n{lines}")
    for path in PATHS[:2]:
        (tmp_path / path).write_bytes(path.encode())
    return tmp_path


def fingerprint(root: Path) -> str | int:
    report = IngestReport()
    report.uri = str(root / "report")
    properties = {
        "image_root": str(root),
        "creatives": Creatives(max_file_bytes=100).model_dump_json(),
        "store_pointer": str(root / "out" / "latest.json"),
    }
    observed = CreativeGenDriver(None).observe({"ingest_report": [report]}, properties)
    assert list(observed) == ["image_fingerprint"]
    return observed["image_fingerprint"]


def test_nothing_changed_means_the_same(images: Path) -> None:
    before = fingerprint(images)
    os.utime(images / "a.png", (1, 1))
    (images / "unrelated.png").write_bytes(b"new")
    assert fingerprint(images) == before


def test_a_redrawn_an_arrived_and_a_vanished_image_each_change_it(images: Path) -> None:
    seen = [fingerprint(images)]
    (images / "a.png").write_bytes(b"a.pnG")
    seen.append(fingerprint(images))
    (images / "gone.png").write_bytes(b"")
    seen.append(fingerprint(images))
    (images / "b.png").unlink()
    seen.append(fingerprint(images))
    assert len(set(seen)) == 4


def test_two_images_that_change_places_change_it(images: Path) -> None:
    before = fingerprint(images)
    (images / "a.png").write_bytes(b"b.png")
    (images / "b.png").write_bytes(b"a.png")
    assert fingerprint(images) != before


def test_a_copy_elsewhere_is_the_same_data(images: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(images, elsewhere)
    assert fingerprint(elsewhere) == fingerprint(images)


def test_a_file_that_is_too_large_counts_by_its_size(images: Path) -> None:
    seen = []
    for content in (b"x" * 101, b"y" * 101, b"x" * 102):
        (images / "a.png").write_bytes(content)
        seen.append(fingerprint(images))
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize("kind", ["a folder", "below a file", "a name too long"])
def test_what_can_hold_no_image_counts_as_missing(images: Path, kind: str) -> None:
    path = {"a folder": "report", "below a file": "a.png/x.png", "a name too long": "x" * 300}[kind]
    (images / "report" / "creatives.csv").write_text(f"path,impressions,first_file,first_line\n{path},1,m.csv,2\n")
    assert len(str(fingerprint(images))) == 64
