"""Image files named by rows, read to be sent along as `<feature>_bytes`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from serving.clients.row_files import PlacedRow, RowFileError

BYTES_SUFFIX = "_bytes"
MAX_IMAGE_BYTES = 16 * 1024 * 1024  # far above any ad, well below the server's limit on a request


def attach_images(
    rows: Iterable[PlacedRow], root: Path, feature: str, source: str
) -> tuple[list[PlacedRow], list[str]]:
    """Rows with the bytes of their images added, and a warning for each image that could not be added.

    A row without a path, or with bytes of its own, stays as it is. An image is read once for each row that
    names it.

    Raises:
        RowFileError: for a path that is absolute or leads out of `root`.
    """
    attached, warnings = [], []
    for row in rows:
        path = row.values.get(feature)
        if not isinstance(path, str) or not path or row.values.get(feature + BYTES_SUFFIX):
            attached.append(row)
            continue
        file = _inside(root, path, f"{source}, {row.place}, field {feature!r}, value {path!r}")
        trouble = _trouble(file)
        if trouble:
            warnings.append(f"{source}, {row.place}, field {feature!r}, value {path!r}: {trouble}; sent without image")
            attached.append(row)
        else:
            attached.append(PlacedRow(row.place, {**row.values, feature + BYTES_SUFFIX: file.read_bytes()}))
    return attached, warnings


def _inside(root: Path, path: str, where: str) -> Path:
    absolute = PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute() or PureWindowsPath(path).drive
    if absolute or "\0" in path:
        raise RowFileError(f"{where}: is no relative path; give one below --image-root")
    file = (root / path).resolve()  # links are followed first: one may lead out too
    if not file.is_relative_to(root.resolve()):
        raise RowFileError(f"{where}: leads out of {root}; give a path below --image-root")
    return file


def _trouble(file: Path) -> str | None:
    try:
        if not file.is_file():
            return f"no file {file}"
        size = file.stat().st_size
        with file.open("rb"):
            pass
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if size > MAX_IMAGE_BYTES:
        return f"{size} bytes, more than {MAX_IMAGE_BYTES}"
    return None
