"""Contrast of the page's colours, light and dark: WCAG 2.2, success criteria 1.4.3 (text) and 1.4.11 (graphics)."""

from __future__ import annotations

import re

import pytest

from components.run_report.html.page import HERE

CSS = (HERE / "style.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)
)
TEXT = [
    *((ink, back) for ink in ("ink", "soft") for back in ("paper", "card", "faint")),
    *((tone, back) for tone in ("good", "careful", "bad") for back in ("card", f"{tone}-back")),
    *(("ink", f"{tone}-back") for tone in ("good", "careful", "bad")),
    ("candidate", "card"),
]
GRAPHICS = [
    ("candidate", "card"),
    ("baseline", "card"),
    ("candidate", "faint"),
    ("baseline", "faint"),
    ("focus", "paper"),
]


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.2, definition)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_graphics_stand_out(scheme: dict[str, str]) -> None:
    for ink, back in TEXT:
        assert contrast(scheme[ink], scheme[back]) >= 4.5, (ink, back)
    for ink, back in GRAPHICS:
        assert contrast(scheme[ink], scheme[back]) >= 3, (ink, back)
