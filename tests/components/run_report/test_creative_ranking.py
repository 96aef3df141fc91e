"""Which creatives are shown, and their pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from components.creative_gen.store import CreativePixels
from components.run_report.creative_ranking import SHOWN, creative_ranking, thumbnails


def test_the_means_decide() -> None:
    """a: (0.2 + 0.4) / 2 = 0.3 with one click; b: 0.5; c: 0.1; a row without a creative counts nowhere."""
    paths = np.array([b"a", b"a", b"b", b"c", b""], object)
    found = creative_ranking(paths, np.array([1.0, 0, 0, 0, 1]), np.array([0.2, 0.4, 0.5, 0.1, 0.9]))
    assert found is not None
    assert (found["fewest_rows"], found["ranked"]) == (1, 3)
    assert found["most"] == [{"path": "b", "mean_prediction": 0.5, "mean_label": 0.0, "rows": 1}]
    assert found["least"] == [{"path": "c", "mean_prediction": 0.1, "mean_label": 0.0, "rows": 1}]


def test_a_row_counts_by_its_weight() -> None:
    """a: (0.2 · 3 + 0.4 · 1) / 4 = 0.25, clicked (1 · 3 + 0) / 4; what weighs nothing is not there."""
    paths = np.array([b"a", b"a", b"b", b"c"], object)
    weight = np.array([3.0, 1.0, 2.0, 0.0])
    found = creative_ranking(paths, np.array([1.0, 0, 0.5, 1]), np.array([0.2, 0.4, 0.5, 0.9]), weight)
    assert found is not None
    assert [*found["most"], *found["least"]] == [
        {"path": "b", "mean_prediction": 0.5, "mean_label": 0.5, "rows": 1},
        {"path": "a", "mean_prediction": 0.25, "mean_label": 0.75, "rows": 2},
    ]


def test_rare_creatives_are_left_out_where_there_are_enough_others() -> None:
    paths = np.array([f"often-{n}".encode() for n in range(2 * SHOWN) for _ in range(20)] + [b"rare"], object)
    score = np.append(np.repeat(np.linspace(0.1, 0.5, 2 * SHOWN), 20), 0.99)
    found = creative_ranking(paths, np.zeros(len(paths)), score)
    assert found is not None
    assert (found["fewest_rows"], found["ranked"]) == (20, 2 * SHOWN)
    assert [one["path"] for one in found["most"]] == [f"often-{n}" for n in range(23, 11, -1)]
    assert [one["path"] for one in found["least"]] == [f"often-{n}" for n in range(12)]


@pytest.mark.parametrize("paths", [[b"", b""], []])
def test_without_creatives_there_is_no_ranking(paths: list[bytes]) -> None:
    assert creative_ranking(np.array(paths, object), np.zeros(len(paths)), np.zeros(len(paths))) is None
    assert thumbnails(None, CreativePixels((), np.zeros((0, 2, 2, 3), np.uint8))) == {}


def test_one_creative_is_shown_once() -> None:
    found = creative_ranking(np.array([b"a"], object), np.zeros(1), np.array([0.5]))
    assert found is not None
    assert ([one["path"] for one in found["most"]], found["least"]) == (["a"], [])


def test_thumbnails_are_jpegs_of_the_stored_pixels() -> None:
    pixels = np.zeros((2, 64, 64, 3), np.uint8)
    pixels[1] = (200, 30, 30)
    ranking = {"most": [{"path": "red"}], "least": [{"path": "gone"}]}
    found = thumbnails(ranking, CreativePixels(("black", "red"), pixels))
    assert list(found) == ["red"]
    image = Image.open(io.BytesIO(base64.b64decode(found["red"])))
    assert (image.format, image.size) == ("JPEG", (64, 64))
    assert np.abs(np.asarray(image).mean((0, 1)) - (200, 30, 30)).max() < 4
