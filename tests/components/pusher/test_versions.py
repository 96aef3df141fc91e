"""Versions in the folder that TF Serving watches."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from adclick.errors import AdclickError
from components.pusher.pushing import push
from components.pusher.versions import RECORD_FILE, PushRecord, in_service, model_digest, read_record, versions


class Usage(NamedTuple):
    """As shutil.disk_usage returns it."""

    total: int
    used: int
    free: int


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    model = tmp_path / "exported"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"graph")
    (model / "variables" / "variables.index").write_bytes(b"weights")
    return model


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_push_copies_the_model_and_leaves_a_record(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "serving" / "ads"
    before = int(time.time())
    version = push(exported, folder, 41, "run-1")
    assert before <= version <= int(time.time())
    pushed = contents(folder / str(version))
    record = json.loads(pushed.pop(RECORD_FILE))
    assert pushed == contents(exported)
    assert (record["baseline_version"], record["run_id"]) == (41, "run-1")
    assert record["model_digest"] == model_digest(exported) == model_digest(folder / str(version))
    assert read_record(folder, version) == PushRecord(**record)
    assert record["pushed_at"].endswith("+00:00")
    assert {child.name for child in folder.iterdir()} == {str(version), "history"}


def test_each_version_is_greater_than_every_other(exported: Path, tmp_path: Path) -> None:
    pushed = []
    for number in range(4):
        (exported / "saved_model.pb").write_bytes(b"graph %d" % number)
        pushed.append(push(exported, tmp_path / "ads", None, ""))
    assert pushed == sorted(set(pushed))
    assert versions(tmp_path / "ads") == pushed
    assert in_service(tmp_path / "ads") == pushed[-1]


def test_the_model_in_service_is_not_pushed_again(exported: Path, tmp_path: Path) -> None:
    first = push(exported, tmp_path / "ads", None, "run-1")
    assert push(exported, tmp_path / "ads", 41, "run-2") == first
    assert versions(tmp_path / "ads") == [first]
    assert read_record(tmp_path / "ads", first).run_id == "run-1"


def test_what_a_killed_push_left_is_removed_and_a_running_one_left_alone(exported: Path, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    names = [f".incoming-{host}-{ended.pid}-a", f".incoming-{host}-{os.getpid()}-b", f".incoming-{host}x-{ended.pid}-c"]
    for name in names:
        shutil.copytree(exported, tmp_path / "ads" / name)
    version = push(exported, tmp_path / "ads", None, "")
    assert {child.name for child in (tmp_path / "ads").iterdir()} == {str(version), "history", *names[1:]}


def test_a_number_in_the_future_is_passed_not_overwritten(exported: Path, tmp_path: Path) -> None:
    """A clock that was put back, or a half-copied folder that another tool left."""
    future = int(time.time()) + 1_000_000
    (tmp_path / "ads" / str(future)).mkdir(parents=True)
    assert push(exported, tmp_path / "ads", None, "") == future + 1
    assert list((tmp_path / "ads" / str(future)).iterdir()) == []


def test_a_number_taken_between_look_and_rename_is_passed(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ads"
    rename = Path.rename
    taken: list[Path] = []

    def race(self: Path, target: Path) -> Path:
        if not taken:
            taken.append(target)
            target.mkdir()
            (target / "saved_model.pb").write_bytes(b"the other push")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", race)
    version = push(exported, folder, None, "")
    assert version == int(taken[0].name) + 1
    assert contents(taken[0]) == {"saved_model.pb": b"the other push"}
    assert versions(folder) == [version - 1, version]


def test_only_whole_versions_count(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ads"
    assert versions(folder) == []
    assert in_service(folder) is None
    for name in ("7", "12", "9", "latest", ".incoming-1", "²", "012", "-3"):
        shutil.copytree(exported, folder / name)
    (folder / "9" / "saved_model.pb").unlink()
    (folder / "30").write_text("a file")
    assert versions(folder) == [7, 12]
    assert in_service(folder) == 12


def test_the_digest_sees_names_and_contents_and_not_the_record(exported: Path) -> None:
    before = model_digest(exported)
    (exported / "assets.extra").mkdir()
    (exported / RECORD_FILE).write_text("{}")
    assert model_digest(exported) == before
    (exported / "assets.extra" / "warmup").write_bytes(b"")
    with_warmup = model_digest(exported)
    (exported / "variables" / "variables.index").write_bytes(b"weightz")
    with_weights = model_digest(exported)
    (exported / "saved_model.pb").rename(exported / "saved_model.txt")
    assert len({before, with_warmup, with_weights, model_digest(exported)}) == 4


@pytest.mark.parametrize("text", [None, "not JSON", "[1]", '{"run_id": "x"}'])
def test_a_version_that_came_another_way_has_no_record(exported: Path, text: str | None) -> None:
    shutil.copytree(exported, exported.parent / "ads" / "5")
    if text is not None:
        (exported.parent / "ads" / "5" / "assets.extra").mkdir()
        (exported.parent / "ads" / "5" / RECORD_FILE).write_text(text)
    assert read_record(exported.parent / "ads", 5) is None


def test_too_little_space_is_told_before_anything_is_copied(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (exported / "variables" / "large").write_bytes(bytes(3 << 20))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10 << 20, 5 << 20, 5 << 20))
    with pytest.raises(AdclickError) as raised:
        push(exported, tmp_path / "ads", None, "")
    assert str(raised.value) == (
        f"{tmp_path}/ads: 5 MiB free, the model needs 6 MiB; make room and run again"  # twice its 3 MiB
    )
    assert list((tmp_path / "ads").iterdir()) == []


def test_a_copy_that_fails_leaves_nothing_behind(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree = shutil.copytree

    def half(source: Path, target: Path) -> None:
        copytree(source / "variables", target)
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copytree", half)
    with pytest.raises(OSError, match="no space left"):
        push(exported, tmp_path / "ads", None, "")
    assert list((tmp_path / "ads").iterdir()) == []


def test_a_folder_beyond_64_bits_is_no_version(exported: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "ads" / "20261120093000123456"  # a time of 20 digits; 2^63 has 19
    foreign.mkdir(parents=True)
    (foreign / "saved_model.pb").write_bytes(b"other")
    version = push(exported, tmp_path / "ads", None, "")
    assert version < 2**63
    assert in_service(tmp_path / "ads") == version
