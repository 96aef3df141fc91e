"""Creatives of every sort to the model's pixels, each in the store or among the unusable."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.creative_gen.normalising import Normalised, normalise_creatives
from components.creative_gen.store import Creative, Unusable
from configs.settings import Creatives
from trainer.image_graph import normalise_image

LIMITS = Creatives(image_px=16)
RED = (200, 30, 20)


def save(file: Path, mode: str = "RGB", kind: str = "PNG", size: tuple[int, int] = (40, 24)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, RED).convert(mode).save(file, kind)


def normalise(root: Path, *paths: str, limits: Creatives = LIMITS) -> Normalised:
    return normalise_creatives([Creative(path, 3, "m.csv", 2) for path in paths], str(root), limits)


@pytest.mark.parametrize(
    ("mode", "kind", "colour"),
    [
        ("RGB", "PNG", RED),
        ("RGB", "JPEG", RED),
        ("P", "PNG", RED),
        ("RGBA", "PNG", RED),
        # ITU-R 601: 0.299 · 200 + 0.587 · 30 + 0.114 · 20 = 79.7
        ("L", "PNG", (80, 80, 80)),
        ("L", "JPEG", (80, 80, 80)),
        ("P", "GIF", RED),
        ("RGB", "BMP", RED),
    ],
)
def test_a_plain_image_keeps_its_colour(tmp_path: Path, mode: str, kind: str, colour: tuple[int, int, int]) -> None:
    save(tmp_path / "a", mode, kind)
    done = normalise(tmp_path, "a")
    assert done.unusable == []
    assert done.pixels.shape == (1, 16, 16, 3)
    assert done.pixels.dtype == np.uint8
    loss = 24 if mode == "P" else 3  # a palette has few colours; JPEG rounds
    assert np.abs(done.pixels[0].astype(int) - np.array(colour)).max() <= loss


def test_pixels_are_those_of_the_graph_that_serving_uses(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (30, 50, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    served = normalise_image(tf.constant((tmp_path / "a.png").read_bytes()), 16).numpy()
    assert np.array_equal(normalise(tmp_path, "a.png").pixels[0], served)


def test_each_creative_is_stored_or_unusable_in_order(tmp_path: Path) -> None:
    save(tmp_path / "images" / "good.png")
    save(tmp_path / "images" / "last.jpg", kind="JPEG")
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(stream, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    long = "x" * 300 + ".png"
    paths = ["images/good.png", "gone.png", "cut.jpg", "empty.png", "text.png", "folder.png", long]
    done = normalise(tmp_path, *paths, "text.png/a.png", "images/last.jpg")
    assert [creative.path for creative in done.stored] == ["images/good.png", "images/last.jpg"]
    assert len(done.pixels) == 2
    assert [(one.creative.path, one.reason) for one in done.unusable] == [
        ("gone.png", "missing"),
        ("cut.jpg", "corrupt"),
        ("empty.png", "empty_file"),
        ("text.png", "bad_format"),
        ("folder.png", "missing"),
        (long, "missing"),
        ("text.png/a.png", "missing"),
    ]
    assert done.unusable[0] == Unusable(Creative("gone.png", 3, "m.csv", 2), "missing", f"no file {tmp_path}/gone.png")
    assert done.unusable[1].detail == "jpeg::Uncompress failed. Invalid JPEG data or crop window."


def test_no_usable_creative_makes_an_empty_array(tmp_path: Path) -> None:
    done = normalise(tmp_path, "gone.png")
    assert done.pixels.shape == (0, 16, 16, 3)
    assert done.pixels.dtype == np.uint8
