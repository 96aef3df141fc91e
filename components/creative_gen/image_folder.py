"""The folder with the images: what can be known of a file without reading it, and its bytes."""

from __future__ import annotations

import datetime
import os
import posixpath
import stat
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from fsspec.implementations.local import LocalFileSystem

from adclick.filesystem import is_absent, join, read_bytes
from adclick.stores import explained, locate

SETTLED_AFTER_S = 2.0
"""A file that was changed less than this before it is looked at may change again within the clock's resolution."""
LISTED_FROM = 100
"""Creatives of one folder of an object store from which listing it is cheaper than asking for each."""
_CONTENT_TAGS = ("md5Hash", "ETag", "etag")  # Google Cloud Storage; S3; Azure and HTTP
_TIMES = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")


class Look(NamedTuple):
    """What a filesystem tells of a file."""

    size_bytes: int
    token: str | None
    """The same only while the content is the same; None where that cannot be relied on."""
    content_tag: str | None
    """What an object store itself derives from the content, such as an ETag."""


class ImageFolder:
    """Images below a root, local or not. May be used by many threads."""

    def __init__(self, root: str, paths: Iterable[str]) -> None:
        """`paths` are those that will be looked at, relative to `root`."""
        self._root = root
        self._files, self._top = locate(root)
        self._is_local = isinstance(self._files, LocalFileSystem)
        self._listed: dict[str, dict[str, Any]] = {}
        self._listed_folders: set[str] = set()
        if not self._is_local:
            self._files.invalidate_cache()  # a listing of an earlier run would hide a redrawn image
            self._list(paths)

    def look(self, path: str) -> Look | None:
        """None where no file is there. Raises OSError for one that cannot be looked at."""
        try:
            with explained(self.uri(path)):
                return self._look_at_local(path) if self._is_local else self._look_at_remote(path)
        except OSError as error:
            if is_absent(error):
                return None
            raise

    def read(self, path: str) -> bytes | None:
        """All bytes, None where no file is there. Raises OSError."""
        try:
            if self._is_local:
                return read_bytes(self.uri(path))
            with explained(self.uri(path)):
                content: bytes = self._files.cat_file(self._key(path))  # one request, where opening takes two
            return content
        except OSError as error:
            if is_absent(error):
                return None
            raise

    def uri(self, path: str) -> str:
        """Of an image."""
        return join(self._root, path)

    def _key(self, path: str) -> str:
        """As a folder would find it: a store has no object `./a.png` or `b//a.png`."""
        return posixpath.normpath(join(self._top, path))

    def _look_at_local(self, path: str) -> Look | None:
        status = os.stat(join(self._top, path))  # noqa: PTH116 - a Path per image would cost more than the call
        if not stat.S_ISREG(status.st_mode):
            return None
        token = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
        # No program can set a file's change time, so that even a redrawn image with its old time is noticed.
        return Look(status.st_size, token if _settled(status.st_ctime) else None, None)

    def _look_at_remote(self, path: str) -> Look | None:
        place = self._key(path)
        is_listed = posixpath.dirname(place) in self._listed_folders
        info = self._listed.get(place) if is_listed else self._files.info(place)
        if info is None or info["type"] != "file":
            return None
        size = int(info["size"])
        for key in _CONTENT_TAGS:
            if info.get(key):
                tag = f"{size}-{str(info[key]).strip(chr(34))}"
                return Look(size, tag, tag)
        for key in _TIMES:
            moment = _seconds(info.get(key))
            if moment is not None:
                return Look(size, f"{size}-{moment!r}" if _settled(moment) else None, None)
        return Look(size, None, None)

    def _list(self, paths: Iterable[str]) -> None:
        folders = Counter(posixpath.dirname(self._key(path)) for path in paths)
        for folder, creatives in folders.items():
            if creatives < LISTED_FROM:
                continue
            try:
                with explained(self._root):
                    entries = self._files.ls(folder, detail=True)
            except FileNotFoundError:
                entries = []
            self._listed.update((entry["name"], entry) for entry in entries)
            self._listed_folders.add(folder)


def _seconds(moment: Any) -> float | None:
    if isinstance(moment, datetime.datetime):
        return moment.timestamp()
    return float(moment) if isinstance(moment, (int, float)) else None


def _settled(moment_s: float) -> bool:
    return time.time() - moment_s > SETTLED_AFTER_S
