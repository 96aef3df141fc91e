"""What GIF and BMP files say about themselves beyond width and height, read without decoding a pixel."""

from __future__ import annotations

import struct
from typing import NamedTuple

_EXTENSION, _IMAGE = 0x21, 0x2C  # blocks of a GIF, GIF89a specification
_UNCOMPRESSED, _MASKED = 0, 3  # compression of a BMP, BITMAPINFOHEADER
_BGR_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


class GifLayout(NamedTuple):
    """What decoding all of it would take."""

    pixels: int
    """Of all frames together, or of a picture as wide and as high as the widest and the highest, if that is more."""
    frames: int
    """Whole ones; a file that is cut short may still have some."""


def gif_layout(encoded: bytes) -> GifLayout:
    """Counts frames by their blocks. `encoded` starts with a GIF's header."""
    width, height, flags = struct.unpack_from("<HHB", encoded.ljust(13, b"\0"), 6)
    position, area, frames = 13 + _table_bytes(flags), 0, 0
    while position + 10 <= len(encoded) and encoded[position] in (_EXTENSION, _IMAGE):
        if encoded[position] == _EXTENSION:
            position = _after_data(encoded, position + 2)
            continue
        frame_width, frame_height, flags = struct.unpack_from("<HHB", encoded, position + 5)
        left, top = struct.unpack_from("<HH", encoded, position + 1)
        width, height = max(width, left + frame_width), max(height, top + frame_height)
        area += frame_width * frame_height
        position = _after_data(encoded, position + 10 + _table_bytes(flags) + 1)
        frames += position <= len(encoded)
    return GifLayout(max(area, width * height), frames)


def _table_bytes(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _after_data(encoded: bytes, position: int) -> int:
    """Behind a chain of data blocks that starts at `position`; beyond the file where the chain is cut."""
    while position < len(encoded) and encoded[position]:
        position += encoded[position] + 1
    return position + 1


def bmp_is_plain(encoded: bytes) -> bool:
    """Whether the graph can decode it: uncompressed, 8 bits a pixel with a palette, or 24 or 32 bits."""
    header, _, _, _, bits, compression = struct.unpack_from("<IiiHHI", encoded.ljust(66, b"\0"), 14)
    if compression == _MASKED:
        return bits == 32 and encoded[54:66] == _BGR_MASKS
    return header >= 40 and compression == _UNCOMPRESSED and bits in (8, 24, 32)
