"""The one layer through which data files are listed and read: local paths and whatever fsspec has a protocol for."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable
from typing import IO, Any, NamedTuple

import fsspec

from adclick.errors import DataError, SettingsError


class DataFile(NamedTuple):
    """One file below a root."""

    path: str
    """Path relative to the root, with forward slashes."""
    uri: str
    """What `open_binary` takes."""


def join(root: str, path: str) -> str:
    """`path` below `root`, for local folders and URIs alike."""
    return f"{root.rstrip('/')}/{path}"


def is_folder(uri: str) -> bool:
    """Whether a folder is there. Raises SettingsError for a URI that no installed package can open."""
    try:
        files, path = fsspec.core.url_to_fs(uri)
    except (ValueError, ImportError) as error:
        raise SettingsError(f"{uri}: cannot be opened: {error}; give a local folder, gs:// or s3://") from None
    return bool(files.isdir(path))


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    files, path = fsspec.core.url_to_fs(uri)
    return bool(files.exists(path))


def list_files(root: str, pattern: re.Pattern[str]) -> list[DataFile]:
    """Files below `root` whose relative path matches `pattern` in full, sorted by path.

    Raises DataError where the root is no folder.
    """
    files, top = fsspec.core.url_to_fs(root)
    if not files.isdir(top):
        raise DataError(f"{root}: no such folder; give the folder with the month's files to --data-root or data.root")
    top = top.rstrip("/")
    found = []
    for path in sorted(files.find(top)):
        relative = path[len(top) + 1 :]
        if pattern.fullmatch(relative):
            found.append(DataFile(relative, files.unstrip_protocol(path) if "://" in root else path))
    return found


def open_binary(uri: str, **options: Any) -> IO[bytes]:
    """Opened for reading, or for writing with mode='wb'."""
    return fsspec.open(uri, **{"mode": "rb", **options}).open()  # type: ignore[no-any-return]  # fsspec has no types


def read_bytes(uri: str) -> bytes:
    """All bytes of a file. Raises OSError."""
    with open_binary(uri) as stream:
        return stream.read()


def is_absent(error: OSError) -> bool:
    """Whether an error of opening a file means that no file is there, rather than that it cannot be read."""
    absent = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)
    return isinstance(error, FileNotFoundError) or error.errno in absent


def content_digest(uris: Iterable[str], names: Iterable[str]) -> str:
    """SHA-256 over names and contents, so that one changed byte anywhere changes it.

    A missing file counts as missing.
    """
    digest = hashlib.sha256()
    for name, uri in zip(names, uris, strict=True):
        digest.update(name.encode() + b"\0")
        try:
            with open_binary(uri) as stream:
                each = hashlib.sha256()
                while block := stream.read(1 << 22):
                    each.update(block)
        except OSError as error:
            if not is_absent(error):
                raise
            digest.update(b"missing\0")
        else:
            digest.update(each.digest())
    return digest.hexdigest()
