"""The creative store: each distinct creative once, as the model's pixels, beside a list of the unusable ones."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from fsspec.implementations.local import LocalFileSystem

from adclick.filesystem import join, open_binary, read_bytes
from adclick.stores import locate
from components.creative_gen.image_checks import Fault

UNUSABLE_COLUMNS = ("path", "reason", "detail", "impressions", "first_file", "first_line")
STORE_FILES = ("keys.json", "pixels.npy", "unusable.csv", "counts.json")

_LONGEST_CELL = (1 << 31) - 1  # what fits into a C long everywhere

Pixels = npt.NDArray[np.uint8]


class Creative(NamedTuple):
    """A creative that impressions refer to."""

    path: str
    """Relative to the image root; also its key."""
    impressions: int
    first_file: str
    first_line: int


class Source(NamedTuple):
    """Which file the pixels were made of."""

    token: str | None
    """As components/creative_gen/image_folder.py gives it."""
    sha256: str | None
    """Of the content; None where it was not read."""


class Outcome(NamedTuple):
    """What became of a creative."""

    creative: Creative
    result: Pixels | Fault
    """[image_px, image_px, 3], or why there are no pixels."""
    source: Source = Source(None, None)
    was_read: bool = False
    was_reused: bool = False
    """From an earlier store, without a look into the file."""


class Written(NamedTuple):
    """What is known of a store besides its files, which depend on the images' contents alone."""

    sources: dict[str, Source]
    """By path, of every creative."""
    read: int
    reused: int


class CreativePixels(NamedTuple):
    """What training reads."""

    keys: tuple[str, ...]
    pixels: Pixels
    """[creatives, image_px, image_px, 3]"""


def read_references(report_uri: str) -> list[Creative]:
    """The creatives that an ingest report lists."""
    return [
        Creative(row["path"], int(row["impressions"]), row["first_file"], int(row["first_line"]))
        for row in _rows(join(report_uri, "creatives.csv"))
    ]


def write_store(uri: str, outcomes: Iterable[Outcome], image_px: int) -> Written:
    """Writes STORE_FILES in the order of `outcomes`, one creative's pixels in memory at a time."""
    keys: list[str] = []
    sources: dict[str, Source] = {}
    reasons: Counter[str] = Counter()
    read = reused = 0
    text = io.StringIO(newline="")
    unusable = csv.writer(text)
    unusable.writerow(UNUSABLE_COLUMNS)
    folder = local_path(uri)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as rows:  # how many there are is known last, and is written first
        for outcome in outcomes:
            path, *reference = outcome.creative
            if isinstance(outcome.result, Fault):
                reasons[outcome.result.code.value] += 1
                unusable.writerow([path, outcome.result.code.value, outcome.result.detail, *reference])
            else:
                keys.append(path)
                rows.write(outcome.result.tobytes())
            sources[path] = outcome.source
            read += outcome.was_read
            reused += outcome.was_reused
        rows.seek(0)
        with open_binary(join(uri, "pixels.npy"), mode="wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(keys), image_px, image_px, 3)}
            np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[no-untyped-call]  # numpy's is untyped
            shutil.copyfileobj(rows, stream, 1 << 20)
    counts = {"distinct": len(sources), "stored": len(keys), "unusable": dict(sorted(reasons.items()))}
    _write(join(uri, "keys.json"), json.dumps(keys))
    _write(join(uri, "unusable.csv"), text.getvalue())
    _write(join(uri, "counts.json"), json.dumps(counts))
    return Written(sources, read, reused)


def read_pixels(uri: str) -> CreativePixels:
    """Keys and pixels of a store. Local pixels are mapped into memory: what is not used is not read."""
    keys = tuple(json.loads(read_bytes(join(uri, "keys.json"))))
    folder = local_path(uri)
    if folder and keys:
        return CreativePixels(keys, np.load(folder / "pixels.npy", mmap_mode="r"))
    with open_binary(join(uri, "pixels.npy")) as stream:
        return CreativePixels(keys, np.load(stream))


def read_unusable(uri: str) -> list[dict[str, str]]:
    """Rows of unusable.csv."""
    return _rows(join(uri, "unusable.csv"))


def local_path(uri: str) -> Path | None:
    """None where `uri` is not of this machine's filesystem."""
    files, path = locate(uri)
    return Path(path) if isinstance(files, LocalFileSystem) else None


def _rows(uri: str) -> list[dict[str, str]]:
    csv.field_size_limit(_LONGEST_CELL)  # else 131,072 characters, fewer than an image in base64 where a path belongs
    return list(csv.DictReader(io.StringIO(read_bytes(uri).decode("utf-8"), newline="")))


def _write(uri: str, text: str) -> None:
    with open_binary(uri, mode="wb") as stream:
        stream.write(text.encode())
