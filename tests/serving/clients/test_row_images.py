from __future__ import annotations

from pathlib import Path

import pytest

from serving.clients import row_images
from serving.clients.row_files import PlacedRow, RowFileError
from serving.clients.row_images import attach_images


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    root.mkdir()
    (root / "a.png").write_bytes(b"png")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret")
    return root


def test_bytes_are_added_to_rows_that_name_an_image(root: Path) -> None:
    rows = [
        PlacedRow("line 2", {"image_path": "a.png"}), PlacedRow("line 3", {"image_path": ""}),
        PlacedRow("line 4", {"site": "x"}),
        PlacedRow("line 5", {"image_path": "a.png", "image_path_bytes": "own"}),
    ]  # fmt: skip
    attached, warnings = attach_images(rows, root, "image_path", "rows.csv")
    assert attached == [PlacedRow("line 2", {"image_path": "a.png", "image_path_bytes": b"png"}), *rows[1:]]
    assert warnings == []


@pytest.mark.parametrize(
    ("path", "fix"),
    [
        ("/etc/passwd", "is no relative path; give one below --image-root"),
        ("C:\\a.png", "is no relative path; give one below --image-root"),
        ("../secret", "leads out of"),
        ("b/../../secret", "leads out of"),
        ("link.png", "leads out of"),
    ],
)
def test_paths_out_of_the_root_are_refused(root: Path, path: str, fix: str) -> None:
    with pytest.raises(RowFileError) as caught:
        attach_images([PlacedRow("line 2", {"image_path": path})], root, "image_path", "rows.csv")
    assert str(caught.value).startswith(f"rows.csv, line 2, field 'image_path', value {path!r}: ")
    assert fix in str(caught.value)


def test_missing_and_oversized_files_are_warned_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [PlacedRow("line 2", {"image_path": "gone.png"}), PlacedRow("line 3", {"image_path": "a.png"})]
    monkeypatch.setattr(row_images, "MAX_IMAGE_BYTES", 2)
    attached, warnings = attach_images(rows, root, "image_path", "rows.csv")
    assert attached == rows
    assert warnings == [
        f"rows.csv, line 2, field 'image_path', value 'gone.png': no file {root}/gone.png; sent without image",
        "rows.csv, line 3, field 'image_path', value 'a.png': 3 bytes, more than 2; sent without image",
    ]
