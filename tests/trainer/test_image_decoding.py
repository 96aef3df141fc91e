"""Each kind of image becomes the picture that docs/data.md promises."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from image_kinds import COLOURS, SIDE, Example, encode, examples_by_kind, quadrants, see_through, turned
from PIL import Image

from trainer.image_decoding import decode_image
from trainer.image_graph import normalise_image

DOCS = Path(__file__).parents[2] / "docs" / "data.md"
EXAMPLES = [(kind, number) for kind, examples in examples_by_kind().items() for number in range(len(examples))]


def normalised(encoded: bytes) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = normalise_image(tf.constant(encoded), SIDE).numpy()
    return pixels


def inner(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The middle of each quadrant, where a JPEG's waves around the edges have ended."""
    return np.asarray(pixels, np.int64)[2 : SIDE : SIDE // 2, 2 : SIDE : SIDE // 2]


@pytest.mark.parametrize(("kind", "number"), EXAMPLES)
def test_a_kind_is_seen_as_its_rule_says(kind: str, number: int) -> None:
    example = examples_by_kind()[kind][number]
    found = normalised(example.encoded)
    if example.off:
        assert np.abs(inner(found) - inner(example.seen)).max() <= example.off
    else:
        assert np.array_equal(found, example.seen)


def test_the_docs_have_a_rule_for_each_kind_and_no_other() -> None:
    table = DOCS.read_text(encoding="utf-8").split("\n### Kinds of image\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    assert rows[0] == "Kind"
    assert rows[1:] == [*examples_by_kind(), "other formats"]


def test_each_turn_shows_other_corners() -> None:
    pictures = {turned(orientation).seen.tobytes() for orientation in range(1, 9)}
    assert len(pictures) == 8
    # turned a quarter clockwise, the lower left quadrant comes first
    assert np.abs(inner(normalised(turned(6).encoded))[0, 0] - COLOURS[2]).max() <= 12


def test_what_lies_under_transparent_pixels_does_not_count() -> None:
    first, second = (normalised(encode(see_through(hidden), "PNG")) for hidden in (0, 213))
    assert np.array_equal(first, second)
    assert first[0].min() == 255


def framed(canvas: tuple[int, int], corner: tuple[int, int], local_table: bool) -> bytes:
    """A GIF whose first frame, the quadrants, lies somewhere on a canvas of other colours."""
    gif = encode(quadrants().quantize(64), "GIF")
    flags, end = gif[10], 13 + 3 * (2 << (gif[10] & 7))
    colours, blocks = gif[13:end], gif[end:]
    frame = blocks.index(b"\x2c")
    placed = struct.pack("<cHH", b"\x2c", *corner) + blocks[frame + 5 : frame + 9]
    if not local_table:
        return gif[:6] + struct.pack("<HH", *canvas) + gif[10:end] + placed + blocks[frame + 9 :]
    own = placed + bytes([0x80 | blocks[frame + 9] | (flags & 7)]) + colours
    return gif[:6] + struct.pack("<HHBBB", *canvas, 0x70, 0, 0) + own + blocks[frame + 10 :]


@pytest.mark.parametrize("local_table", [True, False])
@pytest.mark.parametrize("corner", [(0, 0), (3, 9), (14, 4)])
def test_a_frame_smaller_than_its_canvas_lies_on_white(corner: tuple[int, int], local_table: bool) -> None:
    encoded = framed((30, 25), corner, local_table)
    expected = np.full((25, 30, 3), 255, np.uint8)
    x, y = corner
    expected[y : y + SIDE, x : x + SIDE] = np.asarray(quadrants())
    with Image.open(io.BytesIO(encoded)) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA").convert("RGB"))[y : y + SIDE, x : x + SIDE], quadrants())
    assert np.array_equal(decode_image(tf.constant(encoded))[0], expected)


def test_a_canvas_of_four_thousand_million_pixels_is_not_filled() -> None:
    assert decode_image(tf.constant(framed((65535, 65535), (1, 1), True)))[0].shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("cut", [3, 10, 14, 25, 40, 60, 120])
@pytest.mark.parametrize("kind", ["transparent", "Exif orientation", "BMP"])
def test_no_broken_file_does_more_than_fail(kind: str, cut: int) -> None:
    """A header that ends anywhere is an error of its own or no matter, never a wait or a crash."""
    for example in examples_by_kind()[kind]:
        try:
            pixels, orientation = decode_image(tf.constant(example.encoded[:cut]))
        except tf.errors.InvalidArgumentError:
            continue
        assert pixels.shape[2] == 3
        assert 1 <= int(orientation) <= 8


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"II",
        b"XX*\0\x08\0\0\0",
        b"II*\0\xff\xff\xff\xff",  # the first directory far behind the end
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",  # 65535 entries announced, none there
        b"II*\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0",  # of another type
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0",  # no orientation
    ],
)
def test_a_broken_exif_segment_turns_nothing(tiff: bytes) -> None:
    plain = encode(quadrants(), "JPEG", quality=100)
    body = b"Exif\0\0" + tiff
    broken = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    assert np.array_equal(normalised(broken), normalised(plain))


def bmp(**fields: int) -> bytes:
    """A 24-bit BMP whose header says something else."""
    content = bytearray(encode(quadrants(), "BMP"))
    for name, value in fields.items():
        layout, offset = {"header": ("<I", 14), "bits": ("<H", 28), "compression": ("<I", 30)}[name]
        struct.pack_into(layout, content, offset, value)
    return bytes(content)


@pytest.mark.parametrize("fields", [{"bits": 1}, {"bits": 4}, {"bits": 16}, {"compression": 1}, {"header": 12}])
def test_a_bmp_that_would_be_misread_is_refused(fields: dict[str, int]) -> None:
    assert normalised(bmp()).shape == (SIDE, SIDE, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Only BMPs that are uncompressed"):
        normalised(bmp(**fields))


def test_opaque_images_are_what_the_plain_decoder_makes_of_them() -> None:
    """The rules for rare kinds cost the usual ones no bit."""
    noise = Image.fromarray(np.random.default_rng(8).integers(0, 256, (31, 47, 3), np.uint8))
    for encoded in (
        encode(noise, "PNG"),
        encode(noise, "JPEG"),
        encode(noise.quantize(99), "GIF"),
        encode(noise, "BMP"),
    ):
        pixels, orientation = decode_image(tf.constant(encoded))
        plain = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        assert np.array_equal(pixels, plain)
        assert int(orientation) == 1


def test_examples_are_of_the_kind_they_stand_for() -> None:
    """Pillow might write another kind one day."""

    def modes(kind: str) -> set[tuple[str | None, str]]:
        images = [Image.open(io.BytesIO(example.encoded)) for example in examples_by_kind()[kind]]
        return {(image.format, image.mode) for image in images}

    assert modes("greyscale") >= {("PNG", "L"), ("GIF", "L"), ("BMP", "L"), ("JPEG", "L"), ("PNG", "1")}
    assert modes("palette") == {("PNG", "P"), ("GIF", "P"), ("BMP", "P")}
    assert modes("transparent") >= {("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "RGB"), ("GIF", "P")}
    assert modes("16 bits a channel") == {("PNG", "I;16")}
    assert modes("CMYK") == {("JPEG", "CMYK")}
    frames = [Image.open(io.BytesIO(example.encoded)) for example in examples_by_kind()["several frames"]]
    assert [image.format for image in frames] == ["GIF", "GIF", "PNG", "MPO"]
    assert all(image.n_frames > 1 for image in frames)
    assert isinstance(examples_by_kind()["BMP"][1], Example)
