"""Looks at an image file's size and header before any pixel is decoded."""

from __future__ import annotations

import io
from enum import Enum
from typing import NamedTuple

from configs.settings import Creatives


class UnusableCode(str, Enum):
    """Why a creative is not stored. The docs list is held against this one by a test."""

    MISSING = "missing"
    EMPTY_FILE = "empty_file"
    TOO_MANY_BYTES = "too_many_bytes"
    BAD_FORMAT = "bad_format"
    TOO_MANY_PIXELS = "too_many_pixels"
    CORRUPT = "corrupt"


CONDITIONS: dict[UnusableCode, str] = {
    UnusableCode.MISSING: "No file lies at the image path below the image root.",
    UnusableCode.EMPTY_FILE: "The file has 0 bytes.",
    UnusableCode.TOO_MANY_BYTES: "The file is larger than `creatives.max_file_bytes`.",
    UnusableCode.BAD_FORMAT: "The file is no image, or of a format that `creatives.formats` does not list.",
    UnusableCode.TOO_MANY_PIXELS: "The header announces more than `creatives.max_image_pixels` pixels.",
    UnusableCode.CORRUPT: "The header is sound, but the pixels do not decode (a truncated file, for example).",
}


class Fault(NamedTuple):
    """What is wrong with a creative."""

    code: UnusableCode
    detail: str


def check_header(encoded: bytes, limits: Creatives) -> Fault | None:
    """First fault of the encoded image, None where its pixels may be decoded."""
    from PIL import Image, UnidentifiedImageError

    if not encoded:
        return Fault(UnusableCode.EMPTY_FILE, "0 bytes")
    if len(encoded) > limits.max_file_bytes:
        return Fault(UnusableCode.TOO_MANY_BYTES, f"{len(encoded)} bytes, at most {limits.max_file_bytes}")
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            kind, (width, height) = str(image.format), image.size
        if kind == "MPO":  # what Pillow calls a JPEG with a second picture behind it, as phones write them
            kind = "JPEG"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return Fault(UnusableCode.BAD_FORMAT, f"starts with {encoded[:8]!r}, which is no known image format")
    except Image.DecompressionBombError as error:
        return Fault(UnusableCode.TOO_MANY_PIXELS, str(error))
    if kind not in limits.formats:
        return Fault(UnusableCode.BAD_FORMAT, f"{kind}; creatives.formats lists {', '.join(limits.formats)}")
    if width * height > limits.max_image_pixels:
        return Fault(UnusableCode.TOO_MANY_PIXELS, f"{width} × {height} pixels, at most {limits.max_image_pixels}")
    return None
