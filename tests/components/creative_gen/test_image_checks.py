"""An image file's size and header, before a pixel is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from components.creative_gen.image_checks import CONDITIONS, Fault, UnusableCode, check_header
from configs.settings import Creatives

DOCS = Path(__file__).parents[3] / "docs" / "data.md"


def encoded(kind: str, size: tuple[int, int] = (8, 6), mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, 128).save(stream, kind)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Signature, IHDR and an empty IDAT: 8 bits, RGB (PNG specification, 5.2 and 11.2.1)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_known_formats_pass(kind: str) -> None:
    assert check_header(encoded(kind), Creatives()) is None


def test_a_phones_jpeg_with_two_pictures_passes_as_jpeg() -> None:
    stream = io.BytesIO()
    pictures = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    pictures[0].save(stream, "MPO", save_all=True, append_images=pictures[1:])
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        assert image.format == "MPO"
    assert check_header(stream.getvalue(), Creatives()) is None
    fault = check_header(stream.getvalue(), Creatives(formats=("PNG",)))
    assert fault == Fault(UnusableCode.BAD_FORMAT, "JPEG; creatives.formats lists PNG")


@pytest.mark.parametrize(
    ("content", "limits", "fault"),
    [
        (b"", Creatives(), Fault(UnusableCode.EMPTY_FILE, "0 bytes")),
        (
            b"hello world",
            Creatives(),
            Fault(UnusableCode.BAD_FORMAT, "starts with b'hello wo', which is no known image format"),
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            Creatives(),
            Fault(UnusableCode.BAD_FORMAT, "starts with b'\\x89PNG\\r\\n\\x1a\\n', which is no known image format"),
        ),
        (b"x" * 101, Creatives(max_file_bytes=100), Fault(UnusableCode.TOO_MANY_BYTES, "101 bytes, at most 100")),
        (
            encoded("TIFF"),
            Creatives(),
            Fault(UnusableCode.BAD_FORMAT, "TIFF; creatives.formats lists PNG, JPEG, GIF, BMP"),
        ),
        (
            encoded("BMP"),
            Creatives(formats=("PNG", "JPEG")),
            Fault(UnusableCode.BAD_FORMAT, "BMP; creatives.formats lists PNG, JPEG"),
        ),
        (
            encoded("PNG", (8, 6)),
            Creatives(max_image_pixels=47),  # 8 · 6 = 48
            Fault(UnusableCode.TOO_MANY_PIXELS, "8 × 6 pixels, at most 47"),
        ),
        (
            png_header(6_000, 6_000),
            Creatives(),
            Fault(UnusableCode.TOO_MANY_PIXELS, "6000 × 6000 pixels, at most 25000000"),
        ),
    ],
)
def test_the_first_fault_is_told(content: bytes, limits: Creatives, fault: Fault) -> None:
    assert check_header(content, limits) == fault


def test_a_header_of_2500_million_pixels_is_refused_from_100_bytes() -> None:
    content = png_header(50_000, 50_000)
    assert len(content) < 100
    fault = check_header(content, Creatives())
    assert fault is not None
    assert fault.code is UnusableCode.TOO_MANY_PIXELS
    assert "2500000000 pixels" in fault.detail


def test_as_many_bytes_and_pixels_as_allowed_pass() -> None:
    content = encoded("PNG", (8, 6))
    assert check_header(content, Creatives(max_file_bytes=len(content), max_image_pixels=48)) is None


def animation(frames: int, size: tuple[int, int] = (8, 6)) -> bytes:
    stream = io.BytesIO()
    pictures = [Image.new("P", size, number % 251) for number in range(frames)]
    for picture in pictures:
        picture.putpalette(list(range(256)) * 3)
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:])
    return stream.getvalue()


def test_the_frames_of_an_animation_count_together() -> None:
    """10 frames of 8 · 6 = 48 pixels are 480."""
    assert check_header(animation(10), Creatives(max_image_pixels=480)) is None
    fault = check_header(animation(10), Creatives(max_image_pixels=479))
    assert fault == Fault(UnusableCode.TOO_MANY_PIXELS, "480 pixels in all, at most 479")


def test_a_small_file_of_very_many_frames_is_refused() -> None:
    """2,000 · 1000 · 1000 pixels of one colour: 2 GB for the decoder, which holds every frame."""
    frame = animation(1, (1000, 1000))
    start = frame.index(b"\x2c", 13 + 768)  # behind the colours
    content = frame[:start] + frame[start:-1] * 2000 + b";"
    assert len(content) < Creatives().max_file_bytes
    fault = check_header(content, Creatives())
    assert fault == Fault(UnusableCode.TOO_MANY_PIXELS, "2000000000 pixels in all, at most 25000000")


def test_a_gif_cut_within_its_first_frame_is_corrupt_and_a_later_cut_is_no_matter() -> None:
    noise = [Image.effect_noise((60, 50), 80 + number) for number in range(2)]
    stream = io.BytesIO()
    noise[0].save(stream, "GIF", save_all=True, append_images=noise[1:])
    content = stream.getvalue()
    assert check_header(content, Creatives()) is None
    assert check_header(content[: len(content) * 3 // 4], Creatives()) is None
    fault = check_header(content[: len(content) // 4], Creatives())
    assert fault == Fault(UnusableCode.CORRUPT, "the file ends before its first frame does")


@pytest.mark.parametrize(("offset", "layout", "value"), [(28, "<H", 16), (30, "<I", 1), (30, "<I", 3)])
def test_a_bmp_that_tensorflow_misreads_is_refused(offset: int, layout: str, value: int) -> None:
    content = bytearray(encoded("BMP"))
    struct.pack_into(layout, content, offset, value)
    fault = check_header(bytes(content), Creatives())
    assert fault is not None
    assert fault.code in (UnusableCode.UNSUPPORTED_BMP, UnusableCode.BAD_FORMAT)


def test_a_bmp_of_one_bit_is_refused() -> None:
    fault = check_header(encoded("BMP", mode="1"), Creatives())
    assert fault == Fault(UnusableCode.UNSUPPORTED_BMP, "not uncompressed with 8, 24 or 32 bits a pixel")


def test_every_code_has_a_condition() -> None:
    assert list(CONDITIONS) == list(UnusableCode)
    assert len(set(CONDITIONS.values())) == len(UnusableCode)


@pytest.mark.parametrize("code", UnusableCode)
def test_the_docs_list_the_condition(code: UnusableCode) -> None:
    assert f"| `{code.value}` | {CONDITIONS[code]} |" in DOCS.read_text(encoding="utf-8").splitlines()
