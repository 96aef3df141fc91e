"""TFX's own file calls on a store, as its launcher and its helpers make them."""

from __future__ import annotations

import pytest
from store_servers import Store
from tfx.dsl.io import fileio
from tfx.utils import io_utils, path_utils

from pipeline.tfx_stores import register_stores


@pytest.fixture(autouse=True)
def registered() -> None:
    register_stores()
    register_stores()


def test_files_are_written_copied_listed_and_removed(store: Store) -> None:
    top = store.uri("root")
    fileio.makedirs(f"{top}/a/b")
    assert not fileio.exists(f"{top}/a/b")  # a store has no empty folders, and needs none
    with fileio.open(f"{top}/a/b/one.txt", "w") as stream:
        stream.write("ä\n")
    with fileio.open(f"{top}/a/b/two.bin", "wb") as binary:
        binary.write(b"\xff")
    assert fileio.open(f"{top}/a/b/one.txt").read() == "ä\n"
    assert fileio.exists(f"{top}/a/b")
    assert fileio.isdir(f"{top}/a")
    assert not fileio.isdir(f"{top}/a/b/one.txt")
    assert sorted(fileio.listdir(f"{top}/a/b")) == ["one.txt", "two.bin"]
    assert sorted(fileio.glob(f"{top}/a/*/*.bin")) == [f"{top}/a/b/two.bin"]
    fileio.copy(f"{top}/a/b/two.bin", f"{top}/a/three.bin")
    with pytest.raises(OSError, match="is there already"):
        fileio.copy(f"{top}/a/b/one.txt", f"{top}/a/three.bin")
    fileio.rename(f"{top}/a/three.bin", f"{top}/a/four.bin")
    assert list(fileio.walk(f"{top}/a")) == [
        (f"{top}/a", ["b"], ["four.bin"]),
        (f"{top}/a/b", [], ["one.txt", "two.bin"]),
    ]
    assert [where for where, _, _ in fileio.walk(f"{top}/a", topdown=False)] == [f"{top}/a/b", f"{top}/a"]
    assert fileio.stat(f"{top}/a/four.bin")["size"] == 1
    fileio.remove(f"{top}/a/four.bin")
    fileio.rmtree(f"{top}/a")
    assert not fileio.exists(top)


def test_what_is_missing_is_told_as_tfx_expects(store: Store) -> None:
    missing = store.uri("none")
    for work in (fileio.remove, fileio.rmtree, fileio.listdir, fileio.stat, fileio.open):
        with pytest.raises(fileio.NotFoundError):
            work(missing)
    with pytest.raises(fileio.NotFoundError):
        fileio.copy(missing, store.uri("there"))
    assert fileio.glob(f"{missing}/*") == []


def test_tfx_own_helpers_reach_the_store(store: Store) -> None:
    io_utils.write_string_file(f"{store.uri('m')}/Format-Serving/saved_model.pb", "graph")
    assert path_utils.serving_model_path(store.uri("m")) == f"{store.uri('m')}/Format-Serving"
    assert io_utils.read_string_file(f"{store.uri('m')}/Format-Serving/saved_model.pb") == "graph"


def test_local_files_stay_with_tensorflow(tmp_path: object) -> None:
    fileio.makedirs(f"{tmp_path}/a")
    assert fileio.isdir(f"{tmp_path}/a")
