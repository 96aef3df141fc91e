"""The one layer through which files are listed, read, written and copied: local paths, s3:// and gs://.

Errors of a store that the person can mend (credentials, permissions, network) are SettingsErrors with URI and fix; a
file that is missing is a FileNotFoundError, whatever the store.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple

from adclick.errors import DataError, SettingsError
from adclick.stores import STORES, explained, holds_objects, is_remote, locate, scheme

CONNECTIONS = 16
"""Requests to a store under way at once."""
EMPTY_FOLDER = ".adclick-empty-folder"
"""A mark that stands for an empty folder in a store, which has objects only."""
LISTED_TOGETHER = 20
"""From so many files of one folder on, their checksums come from a listing of the folder."""
MISSING = b"missing\0"


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
    """Whether a folder is there. Raises SettingsError for a URI that cannot be opened, or whose bucket is missing."""
    if scheme(uri) in STORES:
        return holds_objects(uri)
    files, path = locate(uri)
    return bool(files.isdir(path))


def exists(uri: str) -> bool:
    """Whether a file or folder is there."""
    files, path = locate(uri)
    with explained(uri):
        return bool(files.exists(path))


def list_names(folder: str) -> list[str]:
    """Names of the files and folders in a folder; none where it is missing."""
    files, path = locate(folder)
    try:
        with explained(folder):
            found = files.ls(path, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted({name.rstrip("/").rpartition("/")[2] for name in found} - {""})


def list_files(root: str, pattern: re.Pattern[str]) -> list[DataFile]:
    """Files below `root` whose relative path matches `pattern` in full, sorted by path.

    Raises DataError where the root is no folder.
    """
    if not is_folder(root):
        raise DataError(f"{root}: no such folder; give the folder with the month's files to --data-root or data.root")
    return [file for file in files_below(root) if pattern.fullmatch(file.path)]


def files_below(root: str, with_marks: bool = False) -> list[DataFile]:
    """All files at any depth, sorted by path; none where the folder is missing.

    `with_marks`: the marks of empty folders too.
    """
    files, top = locate(root)
    top = top.rstrip("/")
    with explained(root):
        paths = sorted(files.find(top))
    return [
        DataFile(path[len(top) + 1 :], files.unstrip_protocol(path) if is_remote(root) else path)
        for path in paths
        if path.startswith(f"{top}/") and not path.endswith("/") and (with_marks or not path.endswith(EMPTY_FOLDER))
    ]


def open_binary(uri: str, mode: str = "rb") -> IO[bytes]:
    """Opened for reading, or for writing with mode 'wb'; in a store, what is written is there once it is closed."""
    files, path = locate(uri)
    with explained(uri):
        return files.open(path, mode)  # type: ignore[no-any-return]  # fsspec has no types


def read_bytes(uri: str) -> bytes:
    """All bytes of a file. Raises OSError."""
    if scheme(uri) in STORES:
        files, path = locate(uri)
        with explained(uri):
            return bytes(files.cat_file(path))
    with open_binary(uri) as stream:
        return stream.read()


def write_bytes(uri: str, content: bytes) -> None:
    """Writes or replaces a file; in a store at once."""
    files, path = locate(uri)
    with explained(uri):
        files.pipe_file(path, content)


def replace_bytes(uri: str, content: bytes) -> None:
    """Writes or replaces a file at once: a reader sees the old content or the new, never a part. Makes its folder."""
    if is_remote(uri):
        write_bytes(uri, content)
        return
    import uuid

    beside = Path(f"{uri}.{uuid.uuid4().hex}.partial")
    beside.parent.mkdir(parents=True, exist_ok=True)
    try:
        beside.write_bytes(content)
        beside.replace(uri)
    finally:
        beside.unlink(missing_ok=True)


def remove_file(uri: str) -> None:
    """Removes a file; none is fine."""
    files, path = locate(uri)
    with contextlib.suppress(FileNotFoundError), explained(uri):
        files.rm_file(path)


def create_bytes(uri: str, content: bytes) -> bool:
    """Writes a file of a store unless there is one; of several who try, one succeeds."""
    files, path = locate(uri)
    try:
        with explained(uri):
            files.pipe_file(path, content, mode="create")
    except FileExistsError:
        return False
    return True


def is_absent(error: OSError) -> bool:
    """Whether an error of opening a file means that no file is there, rather than that it cannot be read."""
    absent = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
    return isinstance(error, FileNotFoundError) or error.errno in absent


def require_writable(folder: str) -> None:
    """Writes and removes a small object, so that a missing permission is told before hours of work.

    Raises SettingsError.
    """
    import uuid

    probe = join(folder, f".adclick-write-check-{uuid.uuid4().hex}")
    files, path = locate(probe)
    holds_objects(folder)  # tells a missing bucket, in bounded time
    with explained(folder):
        files.pipe_file(path, b"")
    with contextlib.suppress(SettingsError, OSError), explained(folder):
        files.rm_file(path)


def content_hashes(folder: str) -> dict[str, bytes]:
    """SHA-256 of the bytes of each file below a folder, by relative path, in the order of a sorted tree."""
    files = sorted(files_below(folder), key=lambda file: file.path.split("/"))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        hashes = pool.map(lambda file: _sha256(file.uri), files)
        return {file.path: content for file, content in zip(files, hashes, strict=True)}


def _sha256(uri: str) -> bytes:
    each = hashlib.sha256()
    with open_binary(uri) as stream:
        while block := stream.read(1 << 22):
            each.update(block)
    return each.digest()


def content_digest(uris: Iterable[str], names: Iterable[str]) -> str:
    """SHA-256 over names and contents, so that one changed byte anywhere changes it; a missing file counts as missing.

    A store is asked for its own checksums instead of the bytes: S3's ETag, GCS's MD5 or, for a composed object, CRC32C,
    each with the size. An S3 object uploaded again in other parts or under KMS counts as changed.
    """
    wanted = list(uris)
    states = _listed_checksums(wanted)
    rest = [uri for uri in wanted if uri not in states]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        states.update(zip(rest, pool.map(_content_state, rest), strict=True))
    digest = hashlib.sha256()
    for name, uri in zip(names, wanted, strict=True):
        digest.update(name.encode() + b"\0" + states[uri])
    return digest.hexdigest()


def _listed_checksums(uris: Sequence[str]) -> dict[str, bytes]:
    """Of the files in a store whose folder holds many of them: a listing tells a thousand at once."""
    by_folder: dict[str, list[str]] = {}
    for uri in uris:
        if scheme(uri) in STORES:
            by_folder.setdefault(uri.rpartition("/")[0], []).append(uri)
    states: dict[str, bytes] = {}
    for folder, group in by_folder.items():
        if len(group) < LISTED_TOGETHER:
            continue
        files, path = locate(folder)
        try:
            with explained(folder):
                found = files.ls(path, detail=True)
        except FileNotFoundError:
            found = []
        listed = {info["name"].rpartition("/")[2]: info for info in found if info["type"] == "file"}
        for uri in group:
            info = listed.get(uri.rpartition("/")[2])
            states[uri] = MISSING if info is None else _checksum(uri, info)
    return states


def _content_state(uri: str) -> bytes:
    try:
        if scheme(uri) not in STORES:
            return _sha256(uri)
        files, path = locate(uri)
        with explained(uri):
            info = files.info(path)
        return _checksum(uri, info) if info["type"] == "file" else MISSING
    except OSError as error:
        if not is_absent(error):
            raise
        return MISSING


def _checksum(uri: str, info: Mapping[str, Any]) -> bytes:
    checksum = info.get("ETag") or info.get("md5Hash") or info.get("crc32c")
    if not checksum:
        raise SettingsError(f"{uri}: the store tells no checksum (ETag, MD5 or CRC32C); use one that does")
    return f"{checksum} {info['size']}\0".encode()
