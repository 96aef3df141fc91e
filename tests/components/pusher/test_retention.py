"""Which versions a push leaves, and which it never removes."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from model_folder import OPERATOR, exported, pushed

from components.pusher.history import read_history
from components.pusher.lifecycle import promote, roll_back, set_label
from components.pusher.pushing import push
from components.pusher.retention import removable, remove_old_versions
from components.pusher.versions import versions, withdrawn_versions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ads"


def test_the_newest_stay_and_the_others_are_told(tmp_path: Path, folder: Path) -> None:
    found = pushed(tmp_path, folder, *"abcdef")
    assert remove_old_versions(folder, 4) == found[:2]
    assert versions(folder) == found[2:]
    assert [(one.action, one.version, one.reason) for one in read_history(folder)[-2:]] == [
        ("removed", version, "push.keep_versions is 4") for version in found[:2]
    ]
    assert remove_old_versions(folder, 4) == []
    assert {child.name for child in folder.iterdir()} == {*map(str, found[2:]), "history", ".lock"}


def test_the_version_in_service_and_its_predecessor_stay_whatever_is_asked(tmp_path: Path, folder: Path) -> None:
    found = pushed(tmp_path, folder, *"abc")
    assert removable(folder, 1) == removable(folder, 0) == found[:1]


def test_the_baseline_labels_strangers_and_withdrawn_versions_stay(tmp_path: Path, folder: Path) -> None:
    """Of nine: 1 placed by hand, a, b labelled, c the baseline, d, e, f, g in service, h withdrawn."""
    folder.mkdir()
    exported(tmp_path, "hand").rename(folder / "1")
    a, b, c, d, e, f = pushed(tmp_path, folder, *"abcdef")
    g = push(exported(tmp_path, "g"), folder, c, "run")
    h = push(exported(tmp_path, "h"), folder, g, "run")
    set_label(folder, "canary", b, OPERATOR)
    roll_back(folder, g, OPERATOR)
    assert remove_old_versions(folder, 2) == [a, d, e]
    assert versions(folder) == [1, b, c, f, g]
    assert withdrawn_versions(folder) == [h]


def test_what_a_killed_removal_left_goes_with_the_next(tmp_path: Path, folder: Path) -> None:
    pushed(tmp_path, folder, "a")
    (folder / ".removing-7-x" / "variables").mkdir(parents=True)
    remove_old_versions(folder, 5)
    assert not list(folder.glob(".removing-*"))


def test_a_version_is_out_of_sight_before_its_first_file_goes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pushed(tmp_path, folder, *"abc")
    seen: list[list[int]] = []
    rmtree = shutil.rmtree
    monkeypatch.setattr(
        "components.pusher.version_moves.shutil.rmtree", lambda path: (seen.append(versions(folder)), rmtree(path))
    )
    remove_old_versions(folder, 2)
    assert seen == [found[1:]]


def test_an_operator_and_a_removal_at_once_lose_nothing(tmp_path: Path, folder: Path) -> None:
    """The oldest is promoted while a removal wants it: it is copied first, or it is gone and the operator told."""
    found = pushed(tmp_path, folder, *"abcde")
    outcome: list[int | Exception] = []

    def put_back() -> None:
        try:
            outcome.append(promote(folder, found[0], OPERATOR))
        except Exception as error:
            outcome.append(error)

    operator = threading.Thread(target=put_back)
    operator.start()
    remove_old_versions(folder, 3)
    operator.join()
    graphs = {(folder / str(version) / "saved_model.pb").read_text() for version in versions(folder)}
    if isinstance(outcome[0], int):
        assert versions(folder)[-1] == outcome[0]
        assert "a" in graphs
    else:
        assert "no such version" in str(outcome[0])
    assert {"d", "e"} <= graphs
