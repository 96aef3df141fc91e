"""What an image shows must be readable from its pixels, small as a model sees them."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sklearn.ensemble import ExtraTreesRegressor

from simulator.drawing import BUTTON_RGB, CreativeSpec, creative_specs, draw_creative
from simulator.population import SIZES_PX, Size, draw_creatives
from simulator.truth import auc
from simulator.vocabulary import ATTRIBUTES

MODEL_PX = 64
PLAIN = CreativeSpec("cr_00000.png", 300, 250, 0.5, 0.5, 0.5, 0.3, False, seed=7, index=0)


def pixels(spec: CreativeSpec, side_px: int | None = MODEL_PX) -> npt.NDArray[np.float64]:
    """The decoded file, [side, side, 3] in 0..1 (or in its own size)."""
    image = Image.open(io.BytesIO(draw_creative(spec))).convert("RGB")
    if side_px is not None:
        image = image.resize((side_px, side_px), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float64) / 255


def statistics(image: npt.NDArray[np.float64]) -> list[float]:
    """Plain statistics of an image that anyone might think of; nothing of how it was drawn."""
    red, green, blue = (image[:, :, channel] for channel in range(3))
    light = image.mean(axis=2)
    colourful = image.max(axis=2) - image.min(axis=2)
    values = [red.mean(), green.mean(), blue.mean(), (green - np.maximum(red, blue)).max()]
    for half in (slice(0, 32), slice(32, 64)):
        edges = np.abs(np.diff(light[half], axis=0)).mean() + np.abs(np.diff(light[half], axis=1)).mean()
        values += [light[half].std(), edges, np.median(red[half] - blue[half]), np.median(colourful[half])]
        values += np.quantile(light[half], [0.05, 0.25, 0.75, 0.95]).tolist()
        values += np.quantile(np.abs(light[half] - np.median(light[half])), [0.5, 0.7, 0.8]).tolist()
        values += [float((np.abs(light[half] - np.median(light[half])) > 0.2).mean())]
    return [float(value) for value in values]


def test_every_attribute_can_be_read_at_64_px() -> None:
    creatives = draw_creatives(Size(impressions=1, creatives=700, months=1, users=20, seed=7))
    features = np.array([statistics(pixels(spec)) for spec in creative_specs(creatives, 7)])
    trained, tested = slice(0, 500), slice(500, 700)
    for column, name in enumerate(ATTRIBUTES):
        truth = creatives.attributes[:, column]
        reader = ExtraTreesRegressor(100, random_state=0, min_samples_leaf=2).fit(features[trained], truth[trained])
        read = reader.predict(features[tested])
        explained = 1 - ((read - truth[tested]) ** 2).sum() / ((truth[tested] - truth[tested].mean()) ** 2).sum()
        assert explained > 0.85, f"{name}: R² {explained:.3f}"
        if name == "cta":
            assert auc(truth[tested], read) > 0.999


def test_warm_is_red_and_cold_is_blue() -> None:
    red_over_blue = [
        float((image[:, :, 0] - image[:, :, 2]).mean())
        for image in (pixels(dataclasses.replace(PLAIN, warmth=warmth)) for warmth in (0, 0.25, 0.5, 0.75, 1))
    ]
    assert red_over_blue == sorted(red_over_blue)
    assert red_over_blue[0] < -0.2 < 0.2 < red_over_blue[-1]


def test_contrast_widens_the_lightness() -> None:
    def spread(contrast: float) -> float:
        panel = pixels(dataclasses.replace(PLAIN, contrast=contrast))[36:].mean(axis=2)
        return float(np.quantile(panel, 0.95) - np.quantile(panel, 0.05))

    # ink - ground: (0.50 + 0.47 c) - (0.40 - 0.34 c) = 0.10 + 0.81 c
    assert spread(0) == pytest.approx(0.10, abs=0.04)
    assert spread(1) == pytest.approx(0.91, abs=0.08)


def test_the_button_takes_about_a_third_of_the_width() -> None:
    for width_px, height_px in SIZES_PX:
        spec = dataclasses.replace(PLAIN, width_px=width_px, height_px=height_px, cta=True)
        difference = np.abs(pixels(spec, None) - np.array(BUTTON_RGB) / 255).max(axis=2)  # [height, width]
        button = np.flatnonzero((difference < 0.02).any(axis=0))
        assert 0.24 < (button[-1] - button[0] + 1) / width_px < 0.37
        without = np.abs(pixels(dataclasses.replace(spec, cta=False), None) - np.array(BUTTON_RGB) / 255).max(axis=2)
        assert (without > 0.3).all()


def test_the_suffix_sets_the_format_and_the_size_is_kept() -> None:
    for name, image_format in (("cr_1.png", "PNG"), ("cr_1.jpg", "JPEG")):
        spec = dataclasses.replace(PLAIN, name=name, width_px=120, height_px=90)
        with Image.open(io.BytesIO(draw_creative(spec))) as image:
            assert (image.format, image.size, image.mode) == (image_format, (120, 90), "RGB")


def test_the_same_creative_is_the_same_bytes_and_another_is_not() -> None:
    assert draw_creative(PLAIN) == draw_creative(PLAIN)
    assert draw_creative(PLAIN) != draw_creative(dataclasses.replace(PLAIN, index=1))
    assert draw_creative(PLAIN) != draw_creative(dataclasses.replace(PLAIN, seed=8))
