"""Creatives drawn from their attributes, so that an image shows what the click model weighs.

- warmth: the hue goes from blue (0) over violet and red to orange (1); green is left to the button.
- saturation: of background and shapes, 0.35 to 1.
- contrast: lightness between the text panel and its text, tone on tone (0) to near white on near black (1).
- clutter: 0 to 14 small shapes scattered over the picture area.
- cta: a green button with a white label, about 30 % of the width; without it there is a line of text.
"""

from __future__ import annotations

import colorsys
import dataclasses
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from simulator.population import Creatives, Stream, generator

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

SUPERSAMPLING = 2
PANEL_SHARE = 0.48  # of the height
MAX_SHAPES = 14
JPEG_QUALITY = 88
BUTTON_RGB = (0, 190, 60)
LABELS = ("SHOP NOW", "BUY NOW", "GET IT", "SIGN UP", "TRY IT", "ORDER")

Colour = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class CreativeSpec:
    """All that one drawing depends on; small, so that it travels cheaply to another process."""

    name: str  # file name; its suffix (.png, .jpg) sets the format
    width_px: int
    height_px: int
    warmth: float
    contrast: float
    saturation: float
    clutter: float
    cta: bool
    seed: int
    index: int


def creative_specs(creatives: Creatives, seed: int) -> list[CreativeSpec]:
    """Drawing instructions of all creatives."""
    return [
        CreativeSpec(name, width, height, warmth, contrast, saturation, clutter, cta == 1, seed, index)
        for index, (name, (width, height), (warmth, contrast, saturation, clutter, cta)) in enumerate(
            zip(creatives.names, creatives.size_px.tolist(), creatives.attributes.tolist(), strict=True)
        )
    ]


def _colour(hue_degrees: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(
        hue_degrees % 360 / 360, min(max(lightness, 0.0), 1.0), min(max(saturation, 0.0), 1.0)
    )
    return round(255 * red), round(255 * green), round(255 * blue)


class _Canvas:
    """One creative being drawn, at SUPERSAMPLING times its size."""

    def __init__(self, spec: CreativeSpec) -> None:
        self.spec = spec
        self.rng = generator(spec.seed, Stream.DRAWING, spec.index)
        self.width = spec.width_px * SUPERSAMPLING
        self.height = spec.height_px * SUPERSAMPLING
        self.hue = 215 + 175 * spec.warmth + self.rng.uniform(-6, 6)
        self.saturation = 0.35 + 0.65 * spec.saturation
        self.panel_top = round(self.height * (1 - PANEL_SHARE))

    def draw(self) -> Image.Image:
        """The finished picture, in its final size."""
        from PIL import ImageDraw

        image = self._background()
        brush = ImageDraw.Draw(image)
        self._product(brush)
        self._clutter(brush)
        self._panel(brush)
        return image.reduce(SUPERSAMPLING)

    def _background(self) -> Image.Image:
        from PIL import Image

        first = np.array(_colour(self.hue - 8, 0.44, self.saturation), dtype=np.float64)
        last = np.array(_colour(self.hue + 8, 0.56, self.saturation), dtype=np.float64)
        angle = self.rng.uniform(0, math.pi)
        across = np.linspace(-1, 1, self.spec.width_px)[None, :] * math.cos(angle)
        down = np.linspace(-1, 1, self.spec.height_px)[:, None] * math.sin(angle)
        share = ((across + down) / (abs(math.cos(angle)) + math.sin(angle)) + 1) / 2  # [height, width] in 0..1
        pixels = first + share[:, :, None] * (last - first)  # [height, width, 3]
        image = Image.fromarray(pixels.round().astype(np.uint8))
        return image.resize((self.width, self.height), Image.Resampling.NEAREST)

    def _product(self, brush: ImageDraw.ImageDraw) -> None:
        """One large soft shape: what is advertised. It is there in every creative and says nothing."""
        radius = self.panel_top * self.rng.uniform(0.30, 0.38)
        x = self.width * self.rng.uniform(0.3, 0.7)
        y = self.panel_top * 0.5
        fill = _colour(self.hue, 0.66, self.saturation)
        box = (x - radius, y - radius, x + radius, y + radius)
        if self.rng.random() < 0.5:
            brush.ellipse(box, fill=fill)
        else:
            brush.rounded_rectangle(box, radius=radius / 3, fill=fill)

    def _clutter(self, brush: ImageDraw.ImageDraw) -> None:
        size = min(self.width, self.height * 1.2)
        for number in range(round(MAX_SHAPES * self.spec.clutter)):
            radius = size * self.rng.uniform(0.045, 0.075)
            x = self.rng.uniform(radius, self.width - radius)
            y = self.rng.uniform(radius, self.panel_top - radius)
            lightness = 0.16 if number % 2 else 0.86
            fill = _colour(self.hue + self.rng.uniform(-15, 15), lightness, self.saturation)
            kind = self.rng.integers(3)
            if kind == 0:
                brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
            elif kind == 1:
                brush.rectangle((x - radius, y - radius * 0.8, x + radius, y + radius * 0.8), fill=fill)
            else:
                turn = self.rng.uniform(0, 120)
                brush.regular_polygon((x, y, radius * 1.25), 3, rotation=turn, fill=fill)

    def _panel(self, brush: ImageDraw.ImageDraw) -> None:
        spread = self.spec.contrast
        ground = _colour(self.hue, 0.40 - 0.34 * spread, self.saturation * 0.8)
        ink = _colour(self.hue, 0.50 + 0.47 * spread, self.saturation * 0.8)
        brush.rectangle((0, self.panel_top, self.width, self.height), fill=ground)
        panel = self.height - self.panel_top
        left = self.width * 0.06
        lengths = (self.rng.uniform(0.70, 0.88), self.rng.uniform(0.45, 0.65))
        for row, (length, thickness) in enumerate(zip(lengths, (0.17, 0.11), strict=True)):
            top = self.panel_top + panel * (0.13 + 0.26 * row)
            self._words(brush, left, top, self.width * length, panel * thickness, ink)
        right_to_left = self.rng.random() < 0.5
        button_width = self.width * self.rng.uniform(0.28, 0.35)
        x = self.width * 0.94 - button_width if right_to_left else left
        top, bottom = self.panel_top + panel * 0.60, self.panel_top + panel * 0.92
        if self.spec.cta:
            self._button(brush, (x, top, x + button_width, bottom))
        else:
            self._words(brush, left, top + panel * 0.08, self.width * 0.4, panel * 0.10, ink)

    def _words(
        self, brush: ImageDraw.ImageDraw, left: float, top: float, width: float, height: float, ink: Colour
    ) -> None:
        """A line of text as it looks from afar: bars of word length."""
        x, end = left, left + width
        while end - x > height:
            word = min(self.rng.uniform(1.6, 4.2) * height, end - x)
            brush.rounded_rectangle((x, top, x + word, top + height), radius=height / 5, fill=ink)
            x += word + height * 0.35

    def _button(self, brush: ImageDraw.ImageDraw, box: tuple[float, float, float, float]) -> None:
        left, top, right, bottom = box
        brush.rounded_rectangle(box, radius=(bottom - top) * 0.3, fill=BUTTON_RGB)
        label = LABELS[int(self.rng.integers(len(LABELS)))]
        font = _font(round((bottom - top) * 0.6))
        scale = (right - left) * 0.86 / font.getlength(label)
        if scale < 1:
            font = _font(max(int((bottom - top) * 0.6 * scale), 6))
        brush.text(((left + right) / 2, (top + bottom) / 2), label, fill="white", font=font, anchor="mm")


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font."""
    from PIL import ImageFont

    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: install a binary wheel of pillow >= 10.1")
    return font


def draw_creative(spec: CreativeSpec) -> bytes:
    """One creative as the bytes of a PNG or JPEG file, as its name's suffix says."""
    image = _Canvas(spec).draw()
    encoded = io.BytesIO()
    if spec.name.endswith(".png"):
        image.save(encoded, "PNG", compress_level=6)
    else:
        image.save(encoded, "JPEG", quality=JPEG_QUALITY)
    return encoded.getvalue()
