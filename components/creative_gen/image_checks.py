"""Looks at an image file's size and header before any pixel is decoded."""

from __future__ import annotations

import io
from enum import Enum
from typing import NamedTuple

from components.creative_gen.image_layout import bmp_is_plain, gif_layout
from configs.settings import Creatives


class UnusableCode(str, Enum):
    """Why a creative is not stored. The docs list is held against this one by a test."""

    MISSING = "missing"
    EMPTY_FILE = "empty_file"
    TOO_MANY_BYTES = "too_many_bytes"
    BAD_FORMAT = "bad_format"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNSUPPORTED_BMP = "unsupported_bmp"
    CORRUPT = "corrupt"


CONDITIONS: dict[UnusableCode, str] = {
    UnusableCode.MISSING: "No file lies at the image path below the image root.",
    UnusableCode.EMPTY_FILE: "The file has 0 bytes.",
    UnusableCode.TOO_MANY_BYTES: "The file is larger than `creatives.max_file_bytes`.",
    UnusableCode.BAD_FORMAT: "The file is no image, or of a format that `creatives.formats` does not list.",
    UnusableCode.TOO_MANY_PIXELS: "The headers announce more than `creatives.max_image_pixels` pixels.",
    UnusableCode.UNSUPPORTED_BMP: "A BMP other than uncompressed with 8, 24 or 32 bits a pixel.",
    UnusableCode.CORRUPT: "The header is sound, but the pixels do not decode (a truncated file, for example).",
}


class Fault(NamedTuple):
    """What is wrong with a creative."""

    code: UnusableCode
    detail: str


def check_size(size_bytes: int, limits: Creatives) -> Fault | None:
    """What is wrong with a file's size alone, before it is read."""
    if size_bytes > limits.max_file_bytes:
        return Fault(UnusableCode.TOO_MANY_BYTES, f"{size_bytes} bytes, at most {limits.max_file_bytes}")
    return None


def check_header(encoded: bytes, limits: Creatives) -> Fault | None:
    """First fault of the encoded image, None where its pixels may be decoded."""
    from PIL import Image, UnidentifiedImageError

    if not encoded:
        return Fault(UnusableCode.EMPTY_FILE, "0 bytes")
    fault = check_size(len(encoded), limits)
    if fault is not None:
        return fault
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
    if kind == "BMP" and not bmp_is_plain(encoded):
        return Fault(UnusableCode.UNSUPPORTED_BMP, "not uncompressed with 8, 24 or 32 bits a pixel")
    return _check_frames(encoded, limits) if kind == "GIF" else None


def _check_frames(encoded: bytes, limits: Creatives) -> Fault | None:
    """All frames count, as ever; TensorFlow takes what it finds of a frame that is cut short."""
    layout = gif_layout(encoded)
    if layout.pixels > limits.max_image_pixels:
        return Fault(UnusableCode.TOO_MANY_PIXELS, f"{layout.pixels} pixels in all, at most {limits.max_image_pixels}")
    if not layout.frames:
        return Fault(UnusableCode.CORRUPT, "the file ends before its first frame does")
    return None
