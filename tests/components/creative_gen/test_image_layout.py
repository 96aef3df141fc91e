"""What GIF and BMP files say of themselves."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from components.creative_gen.image_layout import bmp_is_plain, gif_layout


def gif(*sizes: tuple[int, int], corner: tuple[int, int] = (0, 0), canvas: tuple[int, int] = (4, 4)) -> bytes:
    """Frames whose data are one piece of three bytes, between an extension and the end mark."""
    header = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    note = b"!\xfe\x03,,,\x01;\x00"
    frames = [struct.pack("<cHHHHBB", b",", *corner, *size, 0, 2) + b"\x03abc\x00" for size in sizes]
    return header + note + b"".join(frames) + b";"


def test_frames_and_their_pixels_are_counted_over_extensions() -> None:
    """3 · 2 + 5 · 1 = 11 pixels are less than the canvas of 5 · 4 that both fit in."""
    assert gif_layout(gif((3, 2), (5, 1))) == (20, 2)
    assert gif_layout(gif(*[(4, 4)] * 7)) == (7 * 16, 7)


def test_frames_beyond_the_canvas_widen_it() -> None:
    """One frame is 9 wide and another 9 high, from (1, 2): 10 · 11."""
    assert gif_layout(gif((9, 1), (1, 9), corner=(1, 2))).pixels == 110


def test_frames_that_are_cut_do_not_count() -> None:
    whole = gif((3, 2), (3, 2))
    assert gif_layout(whole[:-1]).frames == 2  # the end mark may be missing
    assert [gif_layout(whole[:-cut]).frames for cut in (2, 6, 17, 19, 30)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_header_may_end_anywhere(length: int) -> None:
    assert gif_layout(gif((3, 2), (3, 2))[:length].ljust(6, b"G")).frames <= 2


def test_pillow_counts_as_many_frames() -> None:
    pictures = [Image.effect_noise((30, 20), 10.0 * number) for number in range(1, 6)]
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], comment=b"!,;" * 200)
    assert gif_layout(stream.getvalue()) == (5 * 30 * 20, 5)


@pytest.mark.parametrize(("mode", "plain"), [("RGB", True), ("RGBA", True), ("P", True), ("L", True), ("1", False)])
def test_which_bmps_are_plain(mode: str, plain: bool) -> None:
    stream = io.BytesIO()
    Image.new(mode, (5, 4)).save(stream, "BMP")
    assert bmp_is_plain(stream.getvalue()) is plain
    assert not bmp_is_plain(stream.getvalue()[:20])


@pytest.mark.parametrize(("red", "blue", "plain"), [(0xFF0000, 0xFF, True), (0xFF, 0xFF0000, False)])
def test_colour_masks_of_a_bmp_must_be_those_of_the_plain_order(red: int, blue: int, plain: bool) -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 5, 4, 1, 32, 3, 0, 0, 0, 0, 0) + struct.pack("<III", red, 0xFF00, blue)
    assert bmp_is_plain(b"BM" + struct.pack("<IHHI", 0, 0, 0, 66) + header + bytes(5 * 4 * 4)) is plain
