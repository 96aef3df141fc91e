"""A run reads what changed and no more, and leaves what a run from nothing would."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from creative_runs import LIMITS, CreativeRuns, drawn

from components.creative_gen import normalising, previous_store
from components.creative_gen.store import read_pixels, read_unusable

PATHS = ["a.png", "sub/b.jpg", "gone.png", "cut.jpg", "c.png", "large.png", "empty.png"]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: None) -> CreativeRuns:
    """Three usable creatives, and one each that is missing, cut, too large and empty."""
    runs = CreativeRuns(tmp_path, monkeypatch, list(PATHS))
    (runs.images / "sub").mkdir()
    (runs.images / "a.png").write_bytes(drawn(1))
    (runs.images / "sub" / "b.jpg").write_bytes(drawn(2, "JPEG"))
    (runs.images / "cut.jpg").write_bytes(drawn(3, "JPEG")[:-100])
    (runs.images / "c.png").write_bytes(drawn(4))
    (runs.images / "large.png").write_bytes(b"x" * 50_001)
    (runs.images / "empty.png").write_bytes(b"")
    return runs


READABLE = ["a.png", "c.png", "cut.jpg", "empty.png", "sub/b.jpg"]


def test_the_first_run_reads_each_image_and_the_second_none(runs: CreativeRuns) -> None:
    first = runs.run()
    assert first.read_by_executor == READABLE
    unusable = {"corrupt": 1, "empty_file": 1, "missing": 1, "too_many_bytes": 1}
    assert json.loads(first.files["counts.json"]) == {"distinct": 7, "stored": 3, "unusable": unusable}
    assert first.read_and_reused == (5, 0)
    second = runs.run()
    assert (second.read_by_driver, second.read_by_executor) == ([], [])
    assert second.read_and_reused == (0, 5)
    assert (second.fingerprint, second.files) == (first.fingerprint, first.files)


def redrawn(images: Path) -> None:
    (images / "a.png").write_bytes(drawn(11))


def redrawn_with_size_and_time_kept(images: Path) -> None:
    file = images / "a.png"
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-40] ^= 1  # within the compressed pixels
    file.write_bytes(bytes(content))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replaced_by_another_file(images: Path) -> None:
    (images / "new").write_bytes(drawn(12))
    (images / "new").replace(images / "a.png")


def touched(images: Path) -> None:
    os.utime(images / "a.png", (1, 1))


def arrived(images: Path) -> None:
    (images / "gone.png").write_bytes(drawn(13))


def vanished(images: Path) -> None:
    (images / "a.png").unlink()


def mended(images: Path) -> None:
    (images / "cut.jpg").write_bytes(drawn(3, "JPEG"))


def spoilt(images: Path) -> None:
    (images / "a.png").write_bytes(drawn(1)[:300])


def exchanged(images: Path) -> None:
    first, second = (images / name for name in ("a.png", "c.png"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


@pytest.mark.parametrize(
    ("change", "read", "is_new_data"),
    [
        (redrawn, ["a.png"], True),
        (redrawn_with_size_and_time_kept, ["a.png"], True),
        (replaced_by_another_file, ["a.png"], True),
        (touched, ["a.png"], False),
        (arrived, ["gone.png"], True),
        (vanished, [], True),
        (mended, ["cut.jpg"], True),
        (spoilt, ["a.png"], True),
        (exchanged, ["a.png", "c.png"], True),
    ],
)
def test_a_run_reads_what_changed_and_leaves_what_a_run_from_nothing_does(
    runs: CreativeRuns, change: Callable[[Path], None], read: list[str], is_new_data: bool
) -> None:
    before = runs.run()
    change(runs.images)
    after = runs.run()
    assert (after.read_by_driver, after.read_by_executor) == (read, read)
    assert (after.fingerprint != before.fingerprint) is is_new_data
    assert (after.files != before.files) is is_new_data
    scratch = runs.from_nothing()
    assert (after.fingerprint, after.files) == (scratch.fingerprint, scratch.files)


def test_added_removed_and_reordered_creatives(runs: CreativeRuns) -> None:
    runs.run()
    (runs.images / "d.png").write_bytes(drawn(5))
    runs.paths[:] = ["d.png", "c.png", "gone.png", "a.png"]
    after = runs.run()
    assert (after.read_by_driver, after.read_by_executor) == (["d.png"], ["d.png"])
    assert read_pixels(str(runs.store(runs.number))).keys == ("d.png", "c.png", "a.png")
    assert after.files == runs.from_nothing().files
    runs.paths.append("sub/b.jpg")  # the newest store does not know it any more
    assert runs.run().read_by_executor == ["sub/b.jpg"]


def test_the_same_content_is_not_decoded_again(runs: CreativeRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of a usable file nor that of a corrupt one, under its old path or a new one."""
    before = runs.run()
    for name in READABLE:
        os.utime(runs.images / name, (5, 5))
    shutil.copy(runs.images / "a.png", runs.images / "gone.png")
    monkeypatch.setattr(normalising, "check_header", None)
    monkeypatch.setattr(normalising, "_graph", None)
    after = runs.run()
    assert json.loads(after.files["counts.json"])["stored"] == 4
    rows = read_pixels(str(runs.store(2)))
    assert np.array_equal(rows.pixels[rows.keys.index("gone.png")], rows.pixels[rows.keys.index("a.png")])
    details = [
        [(row["path"], row["detail"]) for row in read_unusable(str(runs.store(number))) if row["path"] != "gone.png"]
        for number in (1, 2)
    ]
    assert details[0] == details[1]
    assert (before.read_and_reused, after.read_and_reused) == ((5, 0), (6, 0))


def test_a_copied_folder_is_the_same_data(runs: CreativeRuns) -> None:
    before = runs.run()
    shutil.move(runs.images, runs.top / "old")
    shutil.copytree(runs.top / "old", runs.images)
    after = runs.run()
    assert after.fingerprint == before.fingerprint
    assert after.files["pixels.npy"] == before.files["pixels.npy"]
    assert after.read_by_driver == READABLE


@pytest.mark.parametrize(
    "limits",
    [
        LIMITS.model_copy(update={"image_px": 32}),
        LIMITS.model_copy(update={"max_image_pixels": 100}),
        LIMITS.model_copy(update={"formats": ("PNG",)}),
    ],
)
def test_other_limits_make_all_be_read_again(runs: CreativeRuns, limits: object) -> None:
    runs.run()
    after = runs.run(limits)  # type: ignore[arg-type]  # model_copy's results stand in a list of objects
    assert (after.read_by_driver, after.read_by_executor) == ([], READABLE)
    assert after.files == runs.from_nothing(limits).files  # type: ignore[arg-type]  # as above


def test_other_code_or_decoders_make_all_be_read_again(runs: CreativeRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.run()
    assert runs.run(code="other").read_by_executor == READABLE
    assert runs.run(code="other").read_by_executor == []
    monkeypatch.setattr(previous_store.importlib.metadata, "version", lambda _: "0.0")
    assert runs.run(code="other").read_by_executor == READABLE


def test_another_image_root_makes_all_be_read_again(runs: CreativeRuns) -> None:
    before = runs.run()
    shutil.copytree(runs.images, runs.top / "elsewhere")
    runs.root = str(runs.top / "elsewhere")
    after = runs.run()
    assert after.read_by_executor == READABLE
    assert after.fingerprint == before.fingerprint


def _gone(store: Path, pointer: Path) -> None:
    shutil.rmtree(store)


def _without_pixels(store: Path, pointer: Path) -> None:
    (store / "pixels.npy").unlink()


def _cut_pixels(store: Path, pointer: Path) -> None:
    with (store / "pixels.npy").open("r+b") as stream:
        stream.truncate(1000)


def _fewer_keys(store: Path, pointer: Path) -> None:
    """Of the right size, so that the content has to tell."""
    content = (store / "keys.json").read_bytes()
    (store / "keys.json").write_bytes(b'["a.png"]'.ljust(len(content)))


def _overwritten(store: Path, pointer: Path) -> None:
    """By nulls, as a disk that was full leaves them."""
    (store / "unusable.csv").write_bytes(bytes((store / "unusable.csv").stat().st_size))


def _other_sources(store: Path, pointer: Path) -> None:
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "sources": {"a.png": ["1", "2", "3"]}}))


def _no_sources(store: Path, pointer: Path) -> None:
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "sources": None}))


def _half_a_pointer(store: Path, pointer: Path) -> None:
    pointer.write_bytes(pointer.read_bytes()[:50])


def _another_pointer(store: Path, pointer: Path) -> None:
    pointer.write_text("[1]")


def _pointer_to_nowhere(store: Path, pointer: Path) -> None:
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "store": "nonesuch://store"}))


@pytest.mark.parametrize(
    "harm",
    [
        _gone,
        _without_pixels,
        _cut_pixels,
        _fewer_keys,
        _overwritten,
        _other_sources,
        _no_sources,
        _half_a_pointer,
        _another_pointer,
        _pointer_to_nowhere,
    ],
)
def test_a_store_that_is_not_whole_is_not_trusted(runs: CreativeRuns, harm: Callable[[Path, Path], None]) -> None:
    before = runs.run()
    harm(runs.store(1), runs.pointer)
    after = runs.run()
    assert after.read_by_executor == READABLE
    assert (after.fingerprint, after.files) == (before.fingerprint, before.files)
    assert runs.run().read_by_executor == []


def test_a_run_that_ends_early_leaves_the_pointer_alone(runs: CreativeRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.run()
    pointer = runs.pointer.read_bytes()
    monkeypatch.setattr(normalising.hashlib, "sha256", None)
    redrawn(runs.images)
    with pytest.raises(TypeError):
        runs.run()
    assert runs.pointer.read_bytes() == pointer
    assert [file.name for file in runs.pointer.parent.iterdir()] == ["latest.json"]
