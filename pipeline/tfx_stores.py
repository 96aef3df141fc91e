"""s3:// and gs:// for TFX's own file calls: launcher, drivers and path helpers go through adclick/filesystem.py.

TFX hands both to TensorFlow otherwise, which has no S3 and takes no other endpoint for GCS.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from tfx.dsl.io import fileio, filesystem, filesystem_registry

from adclick.filesystem import exists, is_folder, join, list_names, open_binary, read_bytes, write_bytes
from adclick.folder_copies import remove_folder
from adclick.stores import explained, locate

PRIORITY = 5  # TensorFlow's plugin has 10; the least wins
Path = str | bytes


class StoreFilesystem(filesystem.Filesystem):
    """TFX's interface (tfx/dsl/io/filesystem.py) over a store, which has objects and no folders.

    A folder is there while an object lies below it, so making one does nothing.
    """

    SUPPORTED_SCHEMES: ClassVar[list[str]] = ["s3://", "gs://"]

    @staticmethod
    def open(name: Path, mode: str = "r") -> Any:
        try:
            stream = open_binary(_text(name), f"{mode.replace('b', '')}b")
        except FileNotFoundError as error:
            raise fileio.NotFoundError(str(error)) from error
        return stream if "b" in mode else io.TextIOWrapper(stream, encoding="utf-8")

    @staticmethod
    def copy(src: Path, dst: Path, overwrite: bool = False) -> None:
        if not overwrite and exists(_text(dst)):
            raise OSError(f"{_text(dst)}: is there already, and `overwrite` is false")
        try:
            write_bytes(_text(dst), read_bytes(_text(src)))
        except FileNotFoundError as error:
            raise fileio.NotFoundError(str(error)) from error

    @staticmethod
    def exists(path: Path) -> bool:
        return exists(_text(path))

    @staticmethod
    def glob(pattern: Path) -> list[Path]:
        files, path = locate(_text(pattern))
        with explained(_text(pattern)):
            return [files.unstrip_protocol(one) for one in files.glob(path)]

    @staticmethod
    def isdir(path: Path) -> bool:
        return is_folder(_text(path))

    @staticmethod
    def listdir(path: Path) -> list[Path]:
        names: list[Path] = [*list_names(_text(path))]
        if not names:
            raise fileio.NotFoundError(f"{_text(path)}: no such folder")
        return names

    @staticmethod
    def makedirs(path: Path) -> None:
        """Nothing to do."""

    @staticmethod
    def mkdir(path: Path) -> None:
        """Nothing to do."""

    @staticmethod
    def remove(path: Path) -> None:
        files, inner = locate(_text(path))
        if not exists(_text(path)):  # S3 says nothing of an object that is not there
            raise fileio.NotFoundError(f"{_text(path)}: no such file")
        with explained(_text(path)):
            files.rm_file(inner)

    @staticmethod
    def rename(src: Path, dst: Path, overwrite: bool = False) -> None:
        """One file: copied, then removed."""
        StoreFilesystem.copy(src, dst, overwrite)
        StoreFilesystem.remove(src)

    @staticmethod
    def rmtree(path: Path) -> None:
        if not is_folder(_text(path)):
            raise fileio.NotFoundError(f"{_text(path)}: no such folder")
        remove_folder(_text(path))

    @staticmethod
    def stat(path: Path) -> Any:
        files, inner = locate(_text(path))
        try:
            with explained(_text(path)):
                return files.info(inner)
        except FileNotFoundError as error:
            raise fileio.NotFoundError(str(error)) from error

    @staticmethod
    def walk(
        top: Path, topdown: bool = True, onerror: Callable[..., None] | None = None
    ) -> Iterable[tuple[Path, list[Path], list[Path]]]:
        root = _text(top)
        names = list_names(root)
        folders: list[Path] = [name for name in names if is_folder(join(root, name))]
        here: tuple[Path, list[Path], list[Path]] = (root, folders, [name for name in names if name not in folders])
        if topdown:
            yield here
        for folder in folders:
            yield from StoreFilesystem.walk(join(root, _text(folder)), topdown, onerror)
        if not topdown:
            yield here


def _text(path: Path) -> str:
    return path.decode() if isinstance(path, bytes) else path


def register_stores() -> None:
    """Once or more in each process that uses TFX's file calls; reaches no store."""
    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY  # importing `fileio` put TensorFlow's plugin there
    if registry.get_filesystem_for_scheme(StoreFilesystem.SUPPORTED_SCHEMES[0]) is not StoreFilesystem:
        registry.register(StoreFilesystem, priority=PRIORITY)
