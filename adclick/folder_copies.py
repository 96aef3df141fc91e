"""Whole folders into a store, out of it, and away: many files side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from adclick.filesystem import CONNECTIONS, EMPTY_FOLDER, DataFile, files_below, join, write_bytes
from adclick.stores import explained, locate

Item = TypeVar("Item")


def upload_folder(source: Path, target: str, leave_out: Sequence[str] = (), last: Sequence[str] = ()) -> None:
    """Copies a local folder into a store, side by side; files named in `last` follow once all others are whole."""
    files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    files = [name for name in files if name not in leave_out]
    folders = [path for path in (source, *source.rglob("*")) if path.is_dir() and not any(path.iterdir())]
    store, top = locate(target)

    def copy(name: str) -> None:
        with explained(target):
            store.put_file(str(source / name), f"{top}/{name}")

    _side_by_side(copy, [name for name in files if name not in last])
    for folder in folders:
        write_bytes(join(join(target, folder.relative_to(source).as_posix()), EMPTY_FOLDER).replace("/./", "/"), b"")
    for name in last:
        if name in files:
            copy(name)


def download_folder(source: str, target: Path) -> int:
    """Copies what lies below a URI into a local folder, side by side; returns the number of objects."""
    found = files_below(source, with_marks=True)
    for folder in {(target / file.path).parent for file in found}:
        folder.mkdir(parents=True, exist_ok=True)
    store, _ = locate(source)

    def copy(file: DataFile) -> None:
        with explained(source):
            store.get_file(locate(file.uri).path, str(target / file.path))

    _side_by_side(copy, [file for file in found if not file.path.endswith(EMPTY_FOLDER)])
    return len(found)


def copy_folder(source: str, target: str, leave_out: Sequence[str] = (), last: Sequence[str] = ()) -> None:
    """Copies a folder within a store, side by side, without its bytes coming here; `last` follows all others."""
    files, _ = locate(source)

    def copy(file: DataFile) -> None:
        with explained(target):
            files.cp_file(locate(file.uri).path, locate(join(target, file.path)).path)

    found = [file for file in files_below(source, with_marks=True) if file.path not in leave_out]
    _side_by_side(copy, [file for file in found if file.path not in last])
    for file in found:
        if file.path in last:
            copy(file)


def _side_by_side(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _ in pool.map(work, items):
            pass


def remove_folder(uri: str, first: Sequence[str] = ()) -> None:
    """Removes all files below a URI of a store, those named in `first` before the others; none is fine."""
    files, _ = locate(uri)

    def remove(file: DataFile) -> None:
        with explained(file.uri), contextlib.suppress(FileNotFoundError):
            files.rm_file(locate(file.uri).path)

    found = files_below(uri, with_marks=True)
    _side_by_side(remove, [file for file in found if file.path in first])
    _side_by_side(
        remove, [file for file in found if file.path not in first]
    )  # fsspec's recursive `rm` would remove the bucket too
