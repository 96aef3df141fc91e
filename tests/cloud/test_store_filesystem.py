"""One behaviour for a local folder, S3 and GCS; servers on loopback."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from store_servers import Store, fresh_store

from adclick.errors import DataError
from adclick.filesystem import (
    EMPTY_FOLDER,
    LISTED_TOGETHER,
    content_digest,
    content_hashes,
    create_bytes,
    exists,
    is_folder,
    join,
    list_files,
    list_names,
    open_binary,
    read_bytes,
    require_writable,
    write_bytes,
)
from adclick.folder_copies import download_folder, remove_folder, upload_folder

LARGE_BYTES = 11 << 20  # two parts of a multipart upload, a resumable upload for GCS


@pytest.fixture(params=["local", "s3", "gs"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with two months and an image."""
    if request.param == "local":
        top = str(tmp_path / "root")
        for folder in ("month-1", "images"):
            (tmp_path / "root" / folder).mkdir(parents=True)
    else:
        top = fresh_store(request, request.param, monkeypatch).uri("data")
    write_bytes(join(top, "month-1/a.csv"), b"a,b\n1,2\n")
    write_bytes(join(top, "images/ä b+%#.png"), b"\x89PNG\r")
    return top


def test_what_is_written_is_read_and_listed(root: str) -> None:
    assert read_bytes(join(root, "month-1/a.csv")) == b"a,b\n1,2\n"
    files = list_files(root, re.compile(r".*"))
    assert [file.path for file in files] == ["images/ä b+%#.png", "month-1/a.csv"]
    assert [read_bytes(file.uri) for file in files] == [b"\x89PNG\r", b"a,b\n1,2\n"]
    assert [file.path for file in list_files(root, re.compile(r"month-\d+/[^/]*\.csv"))] == ["month-1/a.csv"]
    assert list_names(root) == ["images", "month-1"]
    assert list_names(join(root, "month-1")) == ["a.csv"]
    assert list_names(join(root, "month-2")) == []
    assert is_folder(root)
    assert is_folder(f"{root}/")
    assert not is_folder(join(root, "month"))  # a prefix of a name is no folder
    assert exists(join(root, "month-1/a.csv"))
    assert not exists(join(root, "month-1/a"))


def test_a_file_that_is_missing_is_told_alike(root: str) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(join(root, "none.csv"))
    with pytest.raises(FileNotFoundError):
        open_binary(join(root, "none.csv")).read()
    with pytest.raises(DataError, match="no such folder; give the folder"):
        list_files(join(root, "none"), re.compile(".*"))


def test_a_stream_is_read_from_anywhere(root: str) -> None:
    content = random.Random(3).randbytes(LARGE_BYTES)
    with open_binary(join(root, "large"), mode="wb") as stream:
        for start in range(0, LARGE_BYTES, 1 << 20):
            stream.write(content[start : start + (1 << 20)])
    with open_binary(join(root, "large")) as stream:
        stream.seek(LARGE_BYTES - 5)
        assert stream.read() == content[-5:]
        stream.seek(7)
        assert stream.read(9) == content[7:16]
    assert read_bytes(join(root, "large")) == content


def test_a_month_that_arrives_is_seen_at_once(root: str) -> None:
    months = re.compile(r"month-\d+/a\.csv")
    assert len(list_files(root, months)) == 1
    if "://" not in root:
        Path(root, "month-2").mkdir()
    write_bytes(join(root, "month-2/a.csv"), b"")
    assert len(list_files(root, months)) == 2
    assert is_folder(join(root, "month-2"))


@pytest.mark.parametrize("number", [2, LISTED_TOGETHER], ids=["each asked", "listed together"])
def test_one_byte_changes_the_digest_and_nothing_else_does(root: str, number: int) -> None:
    names = [f"images/{index}" for index in range(number)]
    for name in names:
        write_bytes(join(root, name), name.encode())

    def digest() -> str:
        asked = [*names, "images/none", "none/at-all"]
        return content_digest((join(root, name) for name in asked), asked)

    before = digest()
    write_bytes(join(root, names[0]), names[0].encode())  # the same bytes, written again
    assert digest() == before
    write_bytes(join(root, names[-1]), b"imagez/1")
    changed = digest()
    write_bytes(join(root, "images/none"), b"")
    arrived = digest()
    assert len({before, changed, arrived}) == 3
    assert content_digest([join(root, "images/none")], ["x"]) != content_digest([join(root, "images/none")], ["y"])
    assert content_digest([join(root, "images")], ["x"]) == content_digest([join(root, "none")], ["x"])  # no file


def tree(folder: Path) -> dict[str, bytes | None]:
    """Bytes of each file, None for an empty folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def test_a_folder_comes_back_as_it_went(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "variables").mkdir(parents=True)
    (source / "assets").mkdir()
    (source / "saved_model.pb").write_bytes(b"graph\r")
    for number in range(40):
        (source / "variables" / f"{number} [x]*.data").write_bytes(random.Random(number).randbytes(100))
    upload_folder(source, store.uri("models/1"), leave_out=["variables/0 [x]*.data"])
    assert download_folder(store.uri("models/1"), tmp_path / "back") == 41  # 39 + graph + the mark of `assets`
    expected = tree(source)
    del expected["variables/0 [x]*.data"]
    assert tree(tmp_path / "back") == expected
    assert expected["assets"] is None
    assert content_hashes(store.uri("models/1")) == content_hashes(str(tmp_path / "back"))
    assert len(list_files(store.uri("models/1"), re.compile(".*"))) == 40  # no mark
    assert download_folder(store.uri("models/2"), tmp_path / "nothing") == 0
    assert not (tmp_path / "nothing").exists()


def test_an_empty_folder_is_a_folder_in_the_store(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    upload_folder(tmp_path / "empty", store.uri("a/b"))
    assert list_names(store.uri("a/b")) == [EMPTY_FOLDER]
    assert download_folder(store.uri("a/b"), tmp_path / "back") == 1
    assert tree(tmp_path / "back") == {}
    assert (tmp_path / "back").is_dir()


def test_a_folder_is_removed_and_its_neighbours_stay(store: Store) -> None:
    for key in ("a/1", "a/b/2", "ab/3"):
        write_bytes(store.uri(key), b"")
    remove_folder(store.uri("a"))
    remove_folder(store.uri("a"))
    assert list_names(store.uri()) == ["ab"]
    remove_folder(store.uri())
    assert not is_folder(store.uri())  # and the bucket is still there, or this would raise


def test_of_several_creators_one_succeeds(store: Store) -> None:
    assert create_bytes(store.uri("claim"), b"first")
    assert not create_bytes(store.uri("claim"), b"second")
    assert read_bytes(store.uri("claim")) == b"first"


def test_a_write_check_leaves_nothing(store: Store) -> None:
    require_writable(store.uri("serving/ads"))
    assert list_names(store.uri()) == []
