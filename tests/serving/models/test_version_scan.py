from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.models.version_scan import Fingerprint, fingerprint, list_versions, missing_part


def test_versions_are_folders_named_by_an_int64(tmp_path: Path) -> None:
    for name in ("1", "002", str(2**63 - 1), str(2**63), "-1", "1a", "tmp.3", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "9").write_text("a file")
    assert list_versions(tmp_path) == {
        1: tmp_path / "1", 2: tmp_path / "002", 2**63 - 1: tmp_path / str(2**63 - 1),
    }  # fmt: skip
    assert list_versions(tmp_path / "absent") is None


def test_a_fingerprint_changes_with_size_and_time(tmp_path: Path) -> None:
    file = tmp_path / "variables" / "x"
    file.parent.mkdir()
    file.write_text("a")
    before = fingerprint(tmp_path)
    assert [(name, size) for name, size, _ in before.files] == [("variables/x", 1)]
    file.write_text("ab")
    assert fingerprint(tmp_path) != before
    assert fingerprint(tmp_path / "absent") == Fingerprint(())


def test_only_regular_files_count_as_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "saved_model.pb")  # reading it would wait for a writer
    (tmp_path / "target").write_text("a")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert [name for name, _, _ in fingerprint(tmp_path).files] == ["link", "target"]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([], "saved_model.pb is missing"),
        (["saved_model.pb"], None),  # a model may have no variables: only loading can tell
        (["saved_model.pb", "variables/variables.index"],
         "variables/ is incomplete: variables.data-… is missing"),
        (["saved_model.pb", "variables/variables.data-00000-of-00001"],
         "variables/ is incomplete: variables.index is missing"),
        (["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00002"],
         "variables/ is incomplete: 1 of 2 data files are there"),
        (["saved_model.pbtxt", "variables/variables.index", "variables/variables.data-00000-of-00001"], None),
    ],
)  # fmt: skip
def test_what_a_copy_lacks_is_named(names: list[str], missing: str | None) -> None:
    assert missing_part(Fingerprint(tuple((name, 1, 1) for name in names))) == missing
