"""What is known of an image without reading it, from disks and object stores."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from creative_runs import CreativeRuns, drawn
from fsspec.implementations.memory import MemoryFileSystem

from components.creative_gen import image_folder
from components.creative_gen.image_folder import ImageFolder, Look


class Bucket(MemoryFileSystem):
    """An object store: MD5 tags, listings that are kept, and a count of the requests."""

    protocol = "bucket"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    requests: ClassVar[list[str]] = []
    tag = "ETag"

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("bucket://", "memory://"))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        self.requests.append(f"head {path}")
        return self._tagged(super().info(path, **options))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        self.requests.append(f"list {path}")
        entries = [self._tagged(entry) for entry in super().ls(path, detail=True, **options)]
        return entries if detail else [entry["name"] for entry in entries]

    def _open(self, path: str, *arguments: Any, **options: Any) -> Any:
        self.requests.append(f"get {path}")
        return super()._open(path, *arguments, **options)

    def _tagged(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry["type"] != "file":
            return entry
        content = self.store[entry["name"]].getvalue()
        return {**entry, self.tag: f'"{hash(content):x}"'}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    files = fsspec.filesystem("bucket")
    files.store.clear()
    files.requests.clear()
    yield files
    files.store.clear()


def look(root: Path | str, path: str) -> Look | None:
    return ImageFolder(str(root), [path]).look(path)


def test_a_local_files_token_changes_with_anything_done_to_it(tmp_path: Path, settled: None) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"1234")
    seen = [look(tmp_path, "a.png")] * 2
    assert seen[0] == look(tmp_path, "a.png")
    assert seen[0] is not None
    assert (seen[0].size_bytes, seen[0].content_tag) == (4, None)
    tokens = {seen[0].token}
    for change in (lambda: file.write_bytes(b"4321"), lambda: os.utime(file, (1, 1)), lambda: file.chmod(0o600)):
        time.sleep(0.02)
        change()
        after = look(tmp_path, "a.png")
        assert after is not None
        tokens.add(after.token)
    assert len(tokens) == 4


def test_a_file_that_has_just_changed_has_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"1234")
    os.utime(tmp_path / "a.png", (1, 1))  # an old time of modification settles nothing
    assert look(tmp_path, "a.png") == Look(4, None, None)
    later = time.time() + 2.1
    monkeypatch.setattr(image_folder.time, "time", lambda: later)
    after = look(tmp_path, "a.png")
    assert after is not None
    assert after.token is not None


def test_images_drawn_a_moment_ago_are_read_by_the_next_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = CreativeRuns(tmp_path, monkeypatch, ["a.png"])
    (runs.images / "a.png").write_bytes(drawn(1))
    assert [runs.run().read_by_executor for _ in range(2)] == [["a.png"], ["a.png"]]


@pytest.mark.parametrize("path", ["gone.png", "folder", "a.png/x.png", "x" * 300])
def test_what_is_no_file_is_not_there(tmp_path: Path, path: str) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    (tmp_path / "folder").mkdir()
    assert look(tmp_path, path) is None
    assert ImageFolder(str(tmp_path), [path]).read(path) is None


@pytest.mark.parametrize("tag", ["ETag", "md5Hash", "etag"])
def test_an_object_stores_tag_stands_for_the_content(bucket: Bucket, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bucket, "tag", tag)
    bucket.pipe({"/ads/a.png": b"1234", "/ads/b.png": b"1234", "/ads/c.png": b"4321"})
    seen = [look("bucket://ads", path) for path in ("a.png", "b.png", "c.png")]
    assert seen[0] == seen[1] != seen[2]
    assert seen[0] is not None
    assert seen[0].token == seen[0].content_tag == f"4-{hash(b'1234'):x}"
    assert look("bucket://ads", "gone.png") is None
    assert look("bucket://", "ads") is None


def test_many_objects_of_a_folder_are_listed_at_once(bucket: Bucket) -> None:
    paths = [f"images/{number}.png" for number in range(image_folder.LISTED_FROM)]
    bucket.pipe(
        {f"/ads/{path}": path.encode() for path in paths} | {"/ads/other/x.png": b"x", "/ads/images/sub/y": b""}
    )
    bucket.requests.clear()
    wanted = [*paths[1:], "images/gone.png", "other/x.png", "images/sub"]
    folder = ImageFolder("bucket://ads", wanted)
    seen = {path: folder.look(path) for path in wanted}
    assert bucket.requests == ["list /ads/images", "head /ads/other/x.png"]
    assert [path for path, one in seen.items() if one is None] == ["images/gone.png", "images/sub"]
    assert seen["images/7.png"] == look("bucket://ads", "images/7.png")  # listed or asked for, the tag is the same


def test_a_folder_that_is_not_there_holds_no_image(bucket: Bucket) -> None:
    paths = [f"images/{number}.png" for number in range(image_folder.LISTED_FROM)]
    folder = ImageFolder("bucket://ads", paths)
    assert {folder.look(path) for path in paths} == {None}


def test_a_listing_of_an_earlier_run_is_not_used(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(Bucket, "invalidate_cache", lambda _, path=None: asked.append(path))
    ImageFolder("bucket://ads", [])
    assert asked == [None]


def test_each_object_is_read_once_and_an_unchanged_one_not_again(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = CreativeRuns(tmp_path, monkeypatch, ["a.png", "b.png", "gone.png"], root="bucket://ads")
    bucket.pipe({"/ads/a.png": drawn(1), "/ads/b.png": drawn(2)})
    first = runs.run()
    assert (first.read_by_driver, first.read_by_executor) == ([], ["a.png", "b.png"])
    bucket.pipe({"/ads/a.png": drawn(1)})  # uploaded again
    again = runs.run()
    assert (again.read_by_driver, again.read_by_executor) == ([], [])
    assert (again.fingerprint, again.files) == (first.fingerprint, first.files)
    bucket.pipe({"/ads/a.png": drawn(3)})
    redrawn = runs.run()
    assert (redrawn.read_by_driver, redrawn.read_by_executor) == ([], ["a.png"])
    assert redrawn.fingerprint != first.fingerprint
    assert redrawn.files == runs.from_nothing().files


def test_without_a_tag_time_and_size_tell_and_contents_are_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: None
) -> None:
    runs = CreativeRuns(tmp_path, monkeypatch, ["a.png"], root="memory://ads")
    files = fsspec.filesystem("memory")
    files.pipe({"/ads/a.png": drawn(1)})
    first, second = runs.run(), runs.run()
    assert (first.read_by_driver, second.read_by_driver) == (["a.png"], [])
    assert (first.read_by_executor, second.read_by_executor) == (["a.png"], [])
    files.pipe({"/ads/a.png": drawn(1)})
    third = runs.run()
    assert third.read_by_driver == third.read_by_executor == ["a.png"]
    assert third.fingerprint == first.fingerprint
    files.rm("/ads", recursive=True)


@pytest.mark.parametrize("pipeline_root", ["memory://pipeline", "file"])
def test_the_pointer_may_lie_in_an_object_store(pipeline_root: str, tmp_path: Path) -> None:
    from components.creative_gen.previous_store import find_previous, known_sources, point_to
    from components.creative_gen.store import write_store

    root = pipeline_root if "://" in pipeline_root else f"file://{tmp_path}"
    pointer = f"{root}/creative_stores/latest.json"
    assert find_previous(pointer, "made") is None
    assert known_sources(pointer, "images") == {}
    written = write_store(f"{root}/store/1", [], 16)
    point_to(pointer, f"{root}/store/1", written.sources, "images", "made")
    assert find_previous(pointer, "made") is not None
    assert find_previous(pointer, "otherwise") is None


def test_links_that_lead_nowhere_count_as_missing(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "circle.png").symlink_to("circle.png")
    folder = ImageFolder(str(tmp_path), ["gone.png", "circle.png"])
    for name in ("gone.png", "circle.png"):
        assert folder.look(name) is None
        assert folder.read(name) is None


@pytest.mark.parametrize("listed_from", [1, 100])
@pytest.mark.parametrize("path", ["./set/a.png", "set//a.png", "set/./a.png"])
def test_roundabout_paths_find_in_a_store_what_they_find_in_a_folder(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, listed_from: int
) -> None:
    monkeypatch.setattr(image_folder, "LISTED_FROM", listed_from)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.png").write_bytes(b"1234")
    bucket.pipe_file("bucket://images/set/a.png", b"1234")
    for root in (str(tmp_path), "bucket://images"):
        folder = ImageFolder(root, [path])
        assert folder.look(path) is not None
        assert folder.read(path) == b"1234"
