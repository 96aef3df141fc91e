"""Images that would cost a server its time or memory are refused by their headers, and by nothing else."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
import tensorflow as tf
from image_kinds import encode, examples_by_kind, quadrants
from PIL import Image

from trainer.image_decoding import decode_image
from trainer.image_safety import MAX_IMAGE_BYTES, MAX_JPEG_SCANS, decodable
from trainer.readable_images import decode_readable

SIDE = 5000  # 5000 × 5000 pixels are the limit


def png(width: int, height: int) -> bytes:
    """A header and an end; a decoder that believed it would ask for the memory at once."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 16))), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(canvas: tuple[int, int], frames: list[tuple[int, int]], comments: int = 0) -> bytes:
    """Frames of some width and height, each with one byte of pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6) + (b"!\xfe\1c\0" * comments)
    return head + b"".join(b"," + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\2\2\x4c\1\0" for size in frames) + b";"


def bmp(width: int, height: int) -> bytes:
    content = bytearray(encode(quadrants(), "BMP"))
    struct.pack_into("<ii", content, 18, width, height)
    return bytes(content)


def jpeg(width: int, height: int) -> bytes:
    content = bytearray(encode(quadrants(), "JPEG"))
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, height, width)
    return bytes(content)


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    content = encode(Image.fromarray(np.zeros((2000, 2000, 3), np.uint8)), "JPEG", progressive=True)
    pieces = content[:-2].split(b"\xff\xda")
    assert 5 < len(pieces) - 1 <= MAX_JPEG_SCANS
    return b"\xff\xda".join(pieces + [pieces[-1]] * (count - len(pieces) + 1)) + b"\xff\xd9"


def refused(encoded: bytes) -> bool:
    return not bool(decodable(tf.constant(encoded)))


@pytest.mark.parametrize("make", [png, bmp, jpeg, lambda width, height: gif((width, height), [(width, height)])])
def test_a_header_may_announce_25_megapixels_and_not_one_row_more(make) -> None:  # type: ignore[no-untyped-def]  # each makes bytes of width and height
    assert not refused(make(SIDE, SIDE))
    assert refused(make(SIDE, SIDE + 1))
    assert refused(make(SIDE + 1, SIDE))
    assert refused(make(65_500, 65_500))


def test_a_png_or_bmp_of_negative_or_overflowing_sides_is_refused() -> None:
    assert refused(png(0xFFFFFFFF, 0x7FFFFFFF))
    assert refused(bmp(-(1 << 31), -(1 << 31)))
    assert not refused(bmp(16, -16))  # from top to bottom


def test_a_gif_is_as_large_as_its_canvas_and_its_first_frame() -> None:
    assert refused(gif((1, 1), [(5001, 5000)]))
    assert refused(gif((5001, 5000), [(1, 1)]))
    assert not refused(gif((10, 10), [(10, 10), (65_535, 65_535)]))  # only the first is decoded


def test_bytes_are_counted_too() -> None:
    small = encode(quadrants(), "PNG")
    assert not refused(small.ljust(MAX_IMAGE_BYTES, b"\0"))
    assert refused(small.ljust(MAX_IMAGE_BYTES + 1, b"\0"))


def test_a_jpeg_may_not_paint_over_itself_forever() -> None:
    assert not refused(scans(MAX_JPEG_SCANS))
    assert refused(scans(MAX_JPEG_SCANS + 1))


@pytest.mark.parametrize("encoded", [b"", b"\xff", b"RIFFxxxxWEBP", b"II*\0", b"<svg/>"])
def test_other_kinds_are_refused_without_being_tried(encoded: bytes) -> None:
    assert refused(encoded)


def test_every_kind_that_the_docs_name_is_decodable() -> None:
    assert not any(refused(example.encoded) for kind in examples_by_kind().values() for example in kind)


def test_only_the_first_frame_of_a_gif_is_decoded() -> None:
    """A later one announces four thousand million pixels, or there are a hundred thousand of them."""
    for encoded in (gif((1, 1), [(1, 1), (65_535, 65_535)]), gif((1, 1), [(1, 1)] * 100_000)):
        pixels, _ = decode_image(tf.constant(encoded))
        assert pixels.numpy().tolist() == [[[0, 0, 0]]]


def test_a_gif_whose_pixels_fill_many_blocks_keeps_them_all() -> None:
    noise = Image.fromarray(np.random.default_rng(4).integers(0, 256, (600, 700), np.uint8))
    encoded = encode(noise, "GIF", save_all=True, append_images=[noise.rotate(90)])
    assert len(encoded) > 5 * (1 << 16)  # the walk goes over several windows
    pixels, _ = decode_image(tf.constant(encoded))
    with Image.open(io.BytesIO(encoded)) as image:
        assert np.array_equal(pixels, np.asarray(image.convert("RGB")))


BOMBS = {
    "GIF of 100,000 frames": gif((1, 1), [(1, 1)] * 100_000),
    "GIF of a million comments": gif((1, 1), [(1, 1)], comments=1_000_000),
    "GIF of a million blocks": gif((1, 1), [])[:-1]
    + b","
    + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    + b"\2"
    + b"\1\0" * 1_000_000,
    "GIF of blocks of two lengths": gif((1, 1), [])[:-1]
    + b","
    + struct.pack("<HHHHB", 0, 0, 9, 9, 0)
    + b"\2"
    + b"\1a\2aa" * 1_000_000,
    "PNG of a million chunks": png(1, 1)[:33] + (b"\0\0\0\0teXt" + struct.pack(">I", zlib.crc32(b"teXt"))) * 1_000_000,
    "JPEG of a million comments": b"\xff\xd8" + b"\xff\xfe\0\2" * 1_000_000,
    "JPEG of 10,000 scans": scans(10_000),
    "PNG of 65,500 × 65,500": png(65_500, 65_500),
    "JPEG of 65,500 × 65,500": jpeg(65_500, 65_500),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_takes_a_second(name: str) -> None:
    graph = tf.function(
        lambda encoded: decode_readable(encoded, 16),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    fine = encode(quadrants(), "PNG")
    graph(tf.constant([fine]))  # traces
    started = time.process_time()
    positions, _ = graph(tf.constant([BOMBS[name], fine]))
    assert time.process_time() - started < 1.0
    assert 1 in positions.numpy().tolist()
