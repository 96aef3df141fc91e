"""Bad input through the command: exit status and a message that names file, line or field, value and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_run import IMPRESSIONS, SMALL, Run, run_local

pytestmark = pytest.mark.e2e

CSV = Path("month-1") / "impressions.csv"


def ingest_only(data: Path, output: Path, *settings: str) -> Run:
    """A run that the gate stops right after the statistics when anything was rejected or unusable: quick."""
    limits = ("data.limits.max_rejected_share=0", "creatives.max_unusable_share=0")
    return run_local(data, output, settings=(*SMALL, *limits, *settings))


def edit(file: Path, line: int, old: str, new: str) -> None:
    """Replaces the first `old` of a line, counted from 1."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    file.write_text("".join(lines), "utf-8")


def test_missing_data_folder(tmp_path: Path) -> None:
    run = run_local(tmp_path / "nowhere", tmp_path / "out")
    assert run.status == 2
    assert f"data.root: {tmp_path / 'nowhere'}: no such folder" in run.errors
    assert "--data-root" in run.errors


def test_output_folder_that_cannot_be_written(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = run_local(sample / "data", tmp_path / "file" / "out")
    assert run.status == 2
    assert f"output_root: {tmp_path / 'file' / 'out'}: cannot be written" in run.errors


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.epoch=3", "--set trainer.epoch=3: trainer.epoch: unknown key; did you mean 'epochs'?"),
        (
            "features=[{name: device, kind: categorcal}]",
            "features.0 (feature 'device'): unknown kind 'categorcal'; did you mean 'categorical'?",
        ),
    ],
)
def test_settings_that_cannot_be_used(sample: Path, tmp_path: Path, word: str, message: str) -> None:
    run = run_local(sample / "data", tmp_path / "out", settings=(word,))
    assert run.status == 2
    assert message in run.errors


def test_unknown_key_in_the_yaml(sample: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("data: {ruot: x}\n")
    run = run_local(sample / "data", tmp_path / "out", "--config", str(overlay), settings=())
    assert run.status == 2
    assert f"{overlay}: data.ruot: unknown key; did you mean 'root'?" in run.errors


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("was_clicked", "label column 'clicked' (renamed to 'was_clicked'?)"),
        ("x", "the header lacks label column 'clicked'"),
    ],
)
def test_csv_without_the_label_column(workspace: tuple[Path, Path], new: str, message: str) -> None:
    data, output = workspace
    edit(data / CSV, 1, "clicked", new)
    run = ingest_only(data, output)
    assert run.status == 4
    assert f"{data / CSV}: line 1: the header lacks" in run.errors
    assert message in run.errors


def test_renamed_column(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    edit(data / CSV, 1, "bid_price", "bid_prize")
    run = ingest_only(data, output)
    assert run.status == 4
    assert "numeric column 'bid_price' (renamed to 'bid_prize'?)" in run.errors


def test_empty_csv(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    (data / "month-1" / "more.csv").write_bytes(b"")
    run = ingest_only(data, output)
    assert run.status == 4
    assert f"{data / 'month-1' / 'more.csv'}: is empty (0 bytes)" in run.errors


def test_bad_rows_are_listed_and_counted(workspace: tuple[Path, Path]) -> None:
    """A ragged row, bytes that are not UTF-8, an empty label, a label outside {0, 1}, two unsafe image paths."""
    data, output = workspace
    file = data / CSV
    lines = file.read_bytes().splitlines(keepends=True)
    with_image = [number for number in range(10, len(lines)) if b",images/cr_" in lines[number]][:2]
    lines[2] = lines[2].replace(b",", b",,", 1)
    lines[3] = b"\xff\xfe" + lines[3][2:]
    lines[4] = lines[4].rstrip(b"\n")[:-1] + b"\n"
    lines[5] = lines[5].rstrip(b"\n")[:-1] + b"2\n"
    lines[with_image[0]] = lines[with_image[0]].replace(b",images/", b",/etc/images/", 1)
    lines[with_image[1]] = lines[with_image[1]].replace(b",images/", b",../images/", 1)
    file.write_bytes(b"".join(lines))
    run = ingest_only(data, output)
    assert run.status == 4
    counts = {"bad_label": 1, "missing_label": 1, "not_utf8": 1, "ragged_row": 1, "unsafe_image_path": 2}
    assert run.summary["rows"] == {"read": IMPRESSIONS, "written": IMPRESSIONS - 6, "rejected": counts}
    folder = max(
        (output / "pipeline_root" / "AdExampleGen" / "ingest_report").iterdir(), key=lambda path: int(path.name)
    )
    listed = (folder / "rejects.csv").read_text("utf-8").splitlines()
    assert listed[0] == "file,line,column,value,reason"
    found = {(*row.split(",")[:3], row.split(",")[-1]) for row in listed[1:]}
    where = str(CSV)
    assert found == {
        (where, "3", "", "ragged_row"),
        (where, "4", "impression_id", "not_utf8"),
        (where, "5", "clicked", "missing_label"),
        (where, "6", "clicked", "bad_label"),
        *((where, str(number + 1), "image_path", "unsafe_image_path") for number in with_image),
    }


def test_unusable_images_are_listed_and_gated(workspace: tuple[Path, Path]) -> None:
    """A missing image, a truncated one and one of 0 bytes."""
    data, output = workspace
    used = sorted({cell for cell in (data / CSV).read_text("utf-8").split(",") if cell.startswith("images/")})
    jpeg = next(path for path in used if path.endswith(".jpg"))
    missing, empty = [path for path in used if path != jpeg][:2]
    (data / missing).unlink()
    (data / empty).write_bytes(b"")
    (data / jpeg).write_bytes((data / jpeg).read_bytes()[:-400])
    run = ingest_only(data, output)
    assert run.status == 4
    creatives = run.summary["creatives"]
    assert (creatives["missing"], creatives["corrupt"], creatives["rejected"]) == (1, 2, 0)
    assert creatives["stored"] == creatives["distinct"] - 3
    assert f"share of unusable creatives: {3 / creatives['distinct']:.4g}, at most 0" in run.errors
    folder = max(
        (output / "pipeline_root" / "CreativeGen" / "creative_store").iterdir(), key=lambda path: int(path.name)
    )
    rows = [line.split(",") for line in (folder / "unusable.csv").read_text("utf-8").splitlines()[1:]]
    assert {(row[0], row[1]) for row in rows} == {(missing, "missing"), (empty, "empty_file"), (jpeg, "corrupt")}
    assert all(str(CSV) in row for row in rows)
