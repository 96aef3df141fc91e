"""Real files of every kind that docs/data.md has a rule for, beside the picture that the rule makes of them."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageOps
from PIL.PngImagePlugin import PngInfo

SIDE = 16
COLOURS = ((200, 30, 20), (30, 160, 60), (20, 40, 200), (240, 220, 40))  # of the quadrants, row by row
JPEG_OFF = 12
"""Levels by which a quadrant's inner pixels may differ in a JPEG of quality 100."""


class Example(NamedTuple):
    """A file and what it shows."""

    encoded: bytes
    seen: npt.NDArray[np.uint8]
    """[SIDE, SIDE, 3]"""
    off: int = 0
    """Levels by which a decoded colour may differ."""


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def quadrants() -> Image.Image:
    """No two corners are alike, so that any turn shows."""
    image = Image.new("RGB", (SIDE, SIDE))
    for number, colour in enumerate(COLOURS):
        x, y = SIDE // 2 * (number % 2), SIDE // 2 * (number // 2)
        image.paste(colour, (x, y, x + SIDE // 2, y + SIDE // 2))
    return image


def see_through(hidden: int = 0) -> Image.Image:
    """Alpha from 0 in the first row to 255 in the last; `hidden` lies where nothing is to be seen."""
    pixels = np.asarray(quadrants().convert("RGBA")).copy()
    pixels[:, :, 3] = np.arange(SIDE, dtype=np.uint8)[:, np.newaxis] * (255 // (SIDE - 1))
    pixels[0, :, :3] = hidden
    return Image.fromarray(pixels)


def on_white(image: Image.Image) -> npt.NDArray[np.uint8]:
    """As Pillow lays it on white."""
    front = image.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", front.size, "white"), front).convert("RGB"))


def shown(encoded: bytes, off: int = 0) -> Example:
    """Pillow's reading of the file, its first frame laid on white."""
    with Image.open(io.BytesIO(encoded)) as image:
        return Example(encoded, on_white(image), off)


def turned(orientation: int, endian: str = "<", **options: object) -> Example:
    """Pillow's reading, turned as a viewer would."""
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F], exif[0x0112], exif[0x0131] = "a maker", orientation, "a program"
    encoded = encode(quadrants(), "JPEG", quality=100, subsampling=0, exif=exif, **options)
    with Image.open(io.BytesIO(encoded)) as image:
        return Example(encoded, np.asarray(ImageOps.exif_transpose(image)), JPEG_OFF)


def examples_by_kind() -> dict[str, list[Example]]:
    """By the first column of the table in docs/data.md."""
    plain, grey = quadrants(), quadrants().convert("L")
    palette, few = plain.quantize(64), plain.quantize(4)
    black_and_white = grey.point(lambda level: 255 * (level > 100)).convert("1")
    corner = plain.getpixel((0, 0))
    wordy = PngInfo()
    wordy.add_text("Comment", "tRNS IDAT " * 500)
    cmyk = encode(plain.convert("CMYK"), "JPEG", quality=100, subsampling=0)
    inverted = encode(ImageChops.invert(plain.convert("CMYK")), "JPEG", quality=100, subsampling=0)
    adobe = cmyk.index(b"\xff\xee\x00\x0eAdobe")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 256 + 77)
    frames = [palette, plain.rotate(90).quantize(8), grey]
    phone = encode(plain, "MPO", save_all=True, append_images=[plain.rotate(90)], quality=100, subsampling=0)
    bottom_up = encode(plain, "BMP")
    tall = struct.unpack_from("<i", bottom_up, 22)[0]
    rows = np.frombuffer(bottom_up[54:], np.uint8).reshape(SIDE, -1)[::-1].tobytes()
    top_down = bottom_up[:22] + struct.pack("<i", -tall) + bottom_up[26:54] + rows
    words = encode(see_through(), "BMP")
    with_masks = struct.pack("<IIII", 3, 0xFF0000, 0xFF00, 0xFF)  # compression, then red, green, blue
    masked = (
        words[:10] + struct.pack("<I", 66) + words[14:30] + with_masks[:4] + words[34:54] + with_masks[4:] + words[54:]
    )
    return {
        "greyscale": [
            shown(encode(grey, "PNG")),
            shown(encode(grey, "GIF")),
            shown(encode(grey, "BMP")),
            shown(encode(grey, "JPEG", quality=100), JPEG_OFF),
            shown(encode(black_and_white, "PNG")),
            shown(encode(black_and_white, "GIF")),
        ],
        "palette": [
            shown(encode(palette, "PNG")),
            shown(encode(few, "PNG")),  # 2 bits a pixel
            shown(encode(palette, "GIF")),
            shown(encode(palette, "BMP")),
        ],
        "transparent": [
            shown(encode(see_through(), "PNG")),
            shown(encode(see_through().convert("LA"), "PNG")),
            shown(encode(palette, "PNG", transparency=1)),
            shown(encode(few, "PNG", transparency=bytes([0, 100, 255]))),
            shown(encode(plain, "PNG", transparency=corner)),
            shown(encode(plain, "PNG", transparency=corner, pnginfo=wordy, dpi=(72, 72))),
            shown(encode(grey, "PNG", transparency=grey.getpixel((0, 0)))),
            shown(encode(black_and_white, "PNG", transparency=0)),
            shown(encode(palette, "GIF", transparency=2)),
            shown(encode(palette, "GIF", transparency=2, interlace=1, comment=b"!\xf9\x04,;" * 100)),
            shown(encode(see_through(), "GIF")),
        ],
        "16 bits a channel": [Example(encode(deep, "PNG"), on_white(grey))],
        "CMYK": [
            shown(cmyk, JPEG_OFF),
            Example(
                inverted[:adobe] + inverted[adobe + 16 :], np.asarray(plain), JPEG_OFF
            ),  # inks as ITU-T T.81 has them
            shown(cmyk[: adobe + 15] + b"\x02" + cmyk[adobe + 16 :], JPEG_OFF),  # the same bytes as YCCK
        ],
        "Exif orientation": [
            *(turned(orientation) for orientation in range(1, 9)),
            turned(6, endian=">"),
            turned(8, comment=b"c" * 70, icc_profile=b"i" * 70_000),
            turned(9),
            shown(encode(plain, "PNG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0")),
        ],
        "several frames": [
            shown(encode(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, disposal=2)),
            shown(encode(frames[0], "GIF", save_all=True, append_images=frames[1:], transparency=2)),
            shown(encode(plain, "PNG", save_all=True, append_images=[plain.rotate(90)])),
            shown(phone, JPEG_OFF),
        ],
        "progressive, interlaced": [
            shown(encode(plain, "JPEG", quality=100, subsampling=0, progressive=True), JPEG_OFF),
            shown(encode(palette, "GIF", interlace=1)),
        ],
        "BMP": [
            shown(bottom_up),
            Example(top_down, np.asarray(plain)),
            Example(masked, np.asarray(see_through().convert("RGB"))),
            Example(encode(see_through(), "BMP"), np.asarray(see_through().convert("RGB"))),
        ],
    }
