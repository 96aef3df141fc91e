"""Encoded bytes to pixels: exact, and the same in the creative store as in the exported model."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from image_kinds import examples_by_kind
from PIL import Image

from components.creative_gen.normalising import normalise_creatives
from components.creative_gen.store import Creative
from configs.settings import Creatives
from trainer.image_graph import normalise_image
from trainer.servable import ServableCreatives

PX = 16


def encode(pixels: npt.NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def noise(height: int, width: int, seed: int = 3) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_an_image_of_the_models_size_keeps_every_pixel(kind: str) -> None:
    pixels = noise(PX, PX)
    assert np.array_equal(normalise_image(tf.constant(encode(pixels, kind)), PX).numpy(), pixels)


def test_halving_averages_with_a_tent_and_rounds() -> None:
    """Antialiased bilinear: the tent is twice as wide, its weights over four neighbours are 1, 3, 3, 1 (of 8)."""
    row = np.array([0, 0, 0, 0, 80, 80, 80, 80], np.uint8)
    pixels = np.broadcast_to(row[np.newaxis, :, np.newaxis], (8, 8, 3)).copy()
    # output 1 covers inputs 1 … 4: (1·0 + 3·0 + 3·0 + 1·80) / 8 = 10; output 2 mirrors it: 70
    halved = normalise_image(tf.constant(encode(pixels)), 4).numpy()
    assert halved[2, :, 0].tolist() == [0, 10, 70, 80]


def test_an_animation_gives_its_first_frame() -> None:
    frames = [np.full((PX, PX), 255 * on, np.uint8) for on in (1, 0, 0)]
    others = [Image.fromarray(frame) for frame in frames[1:]]
    encoded = encode(frames[0], "GIF", save_all=True, append_images=others)
    assert Image.open(io.BytesIO(encoded)).n_frames > 1
    assert np.array_equal(normalise_image(tf.constant(encoded), PX).numpy(), np.full((PX, PX, 3), 255, np.uint8))


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"no image at all", "Unknown image file format. One of JPEG, PNG, GIF, BMP required."),
        (encode(noise(40, 40))[:-400], "PNG"),
        (encode(noise(40, 40), "JPEG")[:600], "Invalid JPEG data or crop window"),
    ],
)
def test_bytes_that_do_not_decode_are_an_error(encoded: bytes, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        normalise_image(tf.constant(encoded), PX)


class _PixelsAsEmbedding:
    """In the tower's place: hands on what it was given, so that a test sees the served pixels."""

    variables: tuple[tf.Variable, ...] = ()

    def __call__(self, pixels: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(pixels, tf.float32), [-1, PX * PX * 3])


def test_the_store_and_the_served_model_see_the_same_bits(tmp_path: Path) -> None:
    """Every kind of image in one request, as served: a graph that maps over the batch."""
    pictures = [noise(24, 40), noise(33, 17, 4), noise(16, 16, 5), noise(7, 50, 6)]
    images = [encode(*one) for one in zip(pictures, ("PNG", "JPEG", "GIF", "BMP"), strict=True)]
    images += [example.encoded for kind in examples_by_kind().values() for example in kind]
    names = [str(number) for number in range(len(images))]
    for name, image in zip(names, images, strict=True):
        (tmp_path / name).write_bytes(image)
    references = [Creative(name, 1, "m.csv", 2) for name in names]
    stored = np.stack([one.result for one in normalise_creatives(references, str(tmp_path), Creatives(image_px=PX))])
    creatives = ServableCreatives(("known",), tf.zeros([1, PX * PX * 3]), _PixelsAsEmbedding(), PX)  # type: ignore[arg-type]  # stands in for the tower
    served, status = tf.function(creatives, autograph=False)(
        tf.constant(["known", *names]), tf.constant([b"", *images])
    )
    assert len(images) > 40
    assert np.array_equal(served[1:, :-1].numpy().reshape(-1, PX, PX, 3).astype(np.uint8), stored)
    assert status.numpy().tolist() == [b"known"] + [b"image"] * len(images)
    assert served[:, -1].numpy().tolist() == [1.0] * (1 + len(images))
