"""Creatives of every sort to the model's pixels, each in the store or among the unusable."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from PIL import Image

from components.creative_gen import image_folder
from components.creative_gen.image_checks import Fault, UnusableCode
from components.creative_gen.image_folder import ImageFolder
from components.creative_gen.normalising import normalise_creatives
from components.creative_gen.store import Creative, Outcome
from configs.settings import Creatives
from trainer.image_graph import normalise_image

sys.path.append(str(Path(__file__).parents[2] / "trainer"))
from image_kinds import examples_by_kind

LIMITS = Creatives(image_px=16)
RED = (200, 30, 20)


def save(file: Path, mode: str = "RGB", kind: str = "PNG", size: tuple[int, int] = (40, 24)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, RED).convert(mode).save(file, kind)


def normalise(root: Path, *paths: str, limits: Creatives = LIMITS) -> list[Outcome]:
    return list(normalise_creatives([Creative(path, 3, "m.csv", 2) for path in paths], str(root), limits))


def pixels(outcome: Outcome) -> npt.NDArray[np.uint8]:
    assert isinstance(outcome.result, np.ndarray)
    return outcome.result


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
    (done,) = normalise(tmp_path, "a")
    assert pixels(done).shape == (16, 16, 3)
    assert pixels(done).dtype == np.uint8
    loss = 24 if mode == "P" else 3  # a palette has few colours; JPEG rounds
    assert np.abs(pixels(done).astype(int) - np.array(colour)).max() <= loss


def test_pixels_are_those_of_the_graph_that_serving_uses(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (30, 50, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    served = normalise_image(tf.constant((tmp_path / "a.png").read_bytes()), 16).numpy()
    assert np.array_equal(pixels(normalise(tmp_path, "a.png")[0]), served)


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
    assert [one.creative.path for one in done] == [*paths, "text.png/a.png", "images/last.jpg"]
    faults = {one.creative.path: one.result for one in done if isinstance(one.result, Fault)}
    assert {path: fault.code.value for path, fault in faults.items()} == {
        "gone.png": "missing",
        "cut.jpg": "corrupt",
        "empty.png": "empty_file",
        "text.png": "bad_format",
        "folder.png": "missing",
        long: "missing",
        "text.png/a.png": "missing",
    }
    assert faults["gone.png"] == Fault(UnusableCode.MISSING, f"no file {tmp_path}/gone.png")
    assert faults["cut.jpg"].detail == "jpeg::Uncompress failed. Invalid JPEG data or crop window."


def test_a_file_that_is_too_large_is_refused_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 101)
    monkeypatch.setattr(ImageFolder, "read", None)
    (done,) = normalise(tmp_path, "a.png", limits=Creatives(max_file_bytes=100))
    assert done.result == Fault(UnusableCode.TOO_MANY_BYTES, "101 bytes, at most 100")
    assert not done.was_read


@pytest.mark.parametrize("fault", [errno.EIO, errno.EACCES])
def test_an_error_while_reading_is_not_taken_for_a_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    save(tmp_path / "a.png")

    def unreachable(uri: str) -> bytes:
        raise OSError(fault, "input/output error", uri)

    monkeypatch.setattr(image_folder, "read_bytes", unreachable)
    with pytest.raises(OSError, match="input/output error"):
        normalise(tmp_path, "a.png")


@pytest.mark.parametrize("kind", examples_by_kind())
def test_every_kind_with_a_rule_passes_the_checks(tmp_path: Path, kind: str) -> None:
    examples = examples_by_kind()[kind]
    for number, example in enumerate(examples):
        (tmp_path / str(number)).write_bytes(example.encoded)
    done = normalise(tmp_path, *map(str, range(len(examples))))
    assert [one.result for one in done if isinstance(one.result, Fault)] == []
