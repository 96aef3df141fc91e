"""CSV cells, and what may be replaced in an output directory."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from simulator.population import Size
from simulator.writing import (
    MANIFEST,
    OutputRefusedError,
    earlier_files,
    planned_paths,
    prepare_output,
    write_csv,
)

PLANNED = planned_paths(Size(impressions=4, creatives=1, months=2, users=1, seed=1), ["cr_00000.png"])


def test_planned_paths() -> None:
    assert PLANNED == [
        "truth/files.txt",
        "data/month-1/impressions.csv",
        "data/month-2/impressions.csv",
        "truth/month-1.csv",
        "truth/month-2.csv",
        "truth/creatives.csv",
        "truth/about.json",
        "data/images/cr_00000.png",
    ]


def test_cells_are_quoted_where_needed(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["x", "y"], [["arts, culture", 'a "b"'], ["", "plain"]])
    assert (tmp_path / "a.csv").read_bytes() == b'x,y\n"arts, culture",\n"a ""b""",plain\n'
    with (tmp_path / "a.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["x", "y"], ["arts, culture", ""], ['a "b"', "plain"]]


def test_columns_of_different_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        write_csv(tmp_path / "a.csv", ["x", "y"], [["1", "2"], ["1"]])


def test_a_new_directory_gets_folders_and_manifest(tmp_path: Path) -> None:
    output = tmp_path / "new" / "sample"
    prepare_output(output, PLANNED, force=False)
    assert earlier_files(output) == set(PLANNED)
    assert (output / "data" / "month-2").is_dir()
    assert (output / "data" / "images").is_dir()


def test_a_directory_in_use_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    for name in "dcba":
        (tmp_path / name).write_text("mine")
    with pytest.raises(OutputRefusedError) as refused:
        prepare_output(tmp_path, PLANNED, force=False)
    assert str(refused.value) == (
        f"--output {tmp_path}: the directory is not empty (it holds a, b, c, …); "
        "name another one, or pass --force to replace the sample in it"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputRefusedError, match="taken: is a file; name a directory"):
        prepare_output(tmp_path / "taken", PLANNED, force=True)


def test_force_replaces_the_earlier_sample_and_nothing_else(tmp_path: Path) -> None:
    prepare_output(tmp_path, PLANNED, force=False)
    for path in PLANNED[1:]:
        (tmp_path / path).write_text("earlier")
    (tmp_path / "data" / "images" / "mine.png").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    shorter = planned_paths(Size(impressions=4, creatives=1, months=1, users=1, seed=1), ["cr_00000.jpg"])
    prepare_output(tmp_path, shorter, force=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"data/images/mine.png", "notes.txt", MANIFEST}
    assert not (tmp_path / "data" / "month-2").exists()
    assert earlier_files(tmp_path) == set(shorter)


def test_force_leaves_a_foreign_file_in_the_way_alone(tmp_path: Path) -> None:
    (tmp_path / "data" / "month-1").mkdir(parents=True)
    (tmp_path / "data" / "month-1" / "impressions.csv").write_text("a client's month")
    with pytest.raises(OutputRefusedError) as refused:
        prepare_output(tmp_path, PLANNED, force=True)
    assert str(refused.value) == (
        f"--output {tmp_path}: data/month-1/impressions.csv was not written by the simulator "
        "(truth/files.txt lacks it), so --force leaves it alone; move it away or name another directory"
    )
    assert (tmp_path / "data" / "month-1" / "impressions.csv").read_text() == "a client's month"


def test_a_manifest_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    output = tmp_path / "sample"
    (output / "truth").mkdir(parents=True)
    (output / MANIFEST).write_text(f"{MANIFEST}\n../outside.txt\n{outside}\n")
    prepare_output(output, PLANNED, force=True)
    assert outside.read_text() == "mine"
