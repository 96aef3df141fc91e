"""The creative store: each distinct creative once, as the model's pixels, beside a list of the unusable ones."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adclick.filesystem import join, open_binary, read_bytes

UNUSABLE_COLUMNS = ("path", "reason", "detail", "impressions", "first_file", "first_line")


class Creative(NamedTuple):
    """A creative that impressions refer to."""

    path: str
    """Relative to the image root; also its key."""
    impressions: int
    first_file: str
    first_line: int


class Unusable(NamedTuple):
    """A creative that is not stored, and why."""

    creative: Creative
    reason: str
    detail: str


class CreativePixels(NamedTuple):
    """What training reads."""

    keys: tuple[str, ...]
    pixels: npt.NDArray[np.uint8]
    """[creatives, image_px, image_px, 3]"""


def read_references(report_uri: str) -> list[Creative]:
    """The creatives that an ingest report lists."""
    text = read_bytes(join(report_uri, "creatives.csv")).decode("utf-8")
    return [
        Creative(row["path"], int(row["impressions"]), row["first_file"], int(row["first_line"]))
        for row in csv.DictReader(io.StringIO(text))
    ]


def write_store(
    uri: str,
    stored: Sequence[Creative],
    pixels: npt.NDArray[np.uint8],
    unusable: Sequence[Unusable],
    distinct: int,
) -> None:
    """Writes keys.json, pixels.npy, unusable.csv and counts.json."""
    with open_binary(join(uri, "keys.json"), mode="wb") as stream:
        stream.write(json.dumps([creative.path for creative in stored]).encode())
    with open_binary(join(uri, "pixels.npy"), mode="wb") as stream:
        np.save(stream, pixels)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(UNUSABLE_COLUMNS)
    for one in unusable:
        path, *reference = one.creative
        writer.writerow([path, one.reason, one.detail, *reference])
    with open_binary(join(uri, "unusable.csv"), mode="wb") as stream:
        stream.write(text.getvalue().encode())
    reasons = [one.reason for one in unusable]
    counts = {
        "distinct": distinct,
        "stored": len(stored),
        "unusable": {r: reasons.count(r) for r in sorted(set(reasons))},
    }
    with open_binary(join(uri, "counts.json"), mode="wb") as stream:
        stream.write(json.dumps(counts).encode())


def read_pixels(uri: str) -> CreativePixels:
    """Keys and pixels of a store."""
    keys = tuple(json.loads(read_bytes(join(uri, "keys.json"))))
    with open_binary(join(uri, "pixels.npy")) as stream:
        return CreativePixels(keys, np.load(stream))


def read_unusable(uri: str) -> list[dict[str, str]]:
    """Rows of unusable.csv."""
    return list(csv.DictReader(io.StringIO(read_bytes(join(uri, "unusable.csv")).decode("utf-8"))))
