"""Statistics of images simple enough to work out by hand.

Order of the 106 numbers: mean of six planes (red, green, blue, luma, saturation, warmth), their spread, five quantiles
of luma and saturation in turn, six of edges, two of extremes, 16 cells of luma, saturation, warmth as a share of the
saturation (plus 0.02) and edges, and twelve hues.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from trainer.image_statistics import image_statistics

MEAN, SPREAD, QUANTILES = slice(0, 6), slice(6, 12), slice(12, 22)
EDGES, EXTREMES, GRID, HUES = slice(22, 28), slice(28, 30), slice(30, 94), slice(94, 106)


def statistics(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = image_statistics(tf.constant(pixels[np.newaxis])).numpy()[0]
    assert len(found) == 106
    return found


def test_a_single_colour() -> None:
    found = statistics(np.full((8, 8, 3), (51, 102, 204), np.uint8))
    # rgb = 0.2, 0.4, 0.8; luma = 0.299 · 0.2 + 0.587 · 0.4 + 0.114 · 0.8 = 0.0598 + 0.2348 + 0.0912 = 0.3858
    # saturation = 0.8 - 0.2 = 0.6; warmth = red - blue = -0.6
    assert found[MEAN] == pytest.approx([0.2, 0.4, 0.8, 0.3858, 0.6, -0.6], abs=1e-6)
    assert found[SPREAD] == pytest.approx([0.0] * 6, abs=1e-3)  # the root of float32's 1e-7
    assert found[QUANTILES] == pytest.approx([0.3858, 0.6] * 5, abs=1e-6)
    assert found[EDGES].tolist() == [0.0] * 6
    assert found[EXTREMES].tolist() == [0.0, 0.0]
    assert found[GRID] == pytest.approx([0.3858, 0.6, -0.6 / 0.62, 0.0] * 16, abs=1e-6)


def test_half_black_and_half_white() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    found = statistics(pixels)
    # halves of 0 and 1: mean 0.5, spread sqrt(0.5 · 0.25 + 0.5 · 0.25) = 0.5; grey has neither saturation nor warmth
    assert found[MEAN] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.0, 0.0], abs=1e-6)
    assert found[SPREAD] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.0, 0.0], abs=1e-6)
    # 32 zeros, then 32 ones; places 0.05 · 63 = 3 and 0.25 · 63 = 16 hold 0, 0.5 · 63 = 32 and those after it hold 1
    assert found[QUANTILES] == pytest.approx([0, 0, 0, 0, 1, 0, 1, 0, 1, 0], abs=1e-6)
    # one of seven steps to the right crosses the border, by 1; no step down does
    assert found[EDGES] == pytest.approx([1 / 7, 1 / 7, 0, 0, 1 / 7, 0], abs=1e-6)
    assert found[EXTREMES].tolist() == [0.5, 0.5]
    # cells of 2 × 2; the step of 1 is that of the last black column, one of two in the second cell of each row
    cells = [[0, 0, 0, 0], [0, 0, 0, 0.5], [1, 0, 0, 0], [1, 0, 0, 0]]
    assert found[GRID] == pytest.approx(np.ravel(cells * 4).tolist(), abs=1e-6)


def test_a_faint_edge_counts_as_weak_only() -> None:
    pixels = np.full((8, 8, 3), 102, np.uint8)
    pixels[4:] = 128  # a step of 26 / 255 = 0.102 downwards: above 0.05, below 0.2
    assert statistics(pixels)[EDGES] == pytest.approx([0, 0, 1 / 7, 0, 0, 0.102 / 7], abs=1e-4)


def test_cells_go_row_by_row_with_their_four_numbers_together() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[2:4, 4:6] = (255, 0, 0)  # second row, third column of 4 × 4 cells: cell 1 · 4 + 2 = 6
    expected = np.zeros((16, 4))
    # red: its share of luma, full saturation, warmth 1 / 1.02; steps of 0.299 where it ends, to the right of the upper
    # right pixel, below the lower left and both for the lower right: 4 in 4 pixels
    expected[6] = [0.299, 1.0, 1.0 / 1.02, 0.299]
    expected[5, 3] = 0.299 * 2 / 4  # before it, both pixels of the right column
    expected[2, 3] = 0.299 * 2 / 4  # above it, both pixels of the lower row
    assert statistics(pixels)[GRID] == pytest.approx(expected.ravel(), abs=1e-6)


@pytest.mark.parametrize("side", [16, 17, 18, 19, 23, 67])
def test_a_side_that_four_does_not_divide_leaves_the_rest_out(side: int) -> None:
    pixels = np.zeros((side, side, 3), np.uint8)
    cell = side // 4
    pixels[: cell * 4, : cell * 4] = 255
    edges = np.zeros((4, 4))
    if side % 4:  # the white ends within the picture: one step of 1 for each pixel of the last cells' outer side
        edges[3, :] += 1 / cell
        edges[:, 3] += 1 / cell
    expected = np.stack([np.ones((4, 4)), np.zeros((4, 4)), np.zeros((4, 4)), edges], -1)
    assert statistics(pixels)[GRID] == pytest.approx(expected.ravel(), abs=1e-6)


def test_warmth_of_a_cell_does_not_depend_on_its_strength() -> None:
    """Orange and a quarter of it on grey: red - blue over saturation is 1 for both, but for the 0.02."""
    strong, pale = (np.full((8, 8, 3), colour, np.uint8) for colour in ((204, 102, 0), (153, 128, 102)))
    warmth = slice(EXTREMES.stop + 2, GRID.stop, 4)
    # saturation 204 / 255 = 0.8 and 51 / 255 = 0.2: 0.8 / 0.82 and 0.2 / 0.22
    assert statistics(strong)[warmth] == pytest.approx([0.8 / 0.82] * 16, abs=1e-6)
    assert statistics(pale)[warmth] == pytest.approx([0.2 / 0.22] * 16, abs=1e-6)


def test_images_of_a_batch_do_not_meet() -> None:
    batch = np.random.default_rng(5).integers(0, 256, (3, 16, 16, 3), np.uint8)
    together = image_statistics(tf.constant(batch)).numpy()
    alone = np.stack([statistics(one) for one in batch])
    assert together == pytest.approx(alone, abs=1e-6)
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_hues_are_shares_weighted_by_chroma() -> None:
    """Twelve hues of 30° from red. Half pure green (120°: the fifth), a quarter half-dark blue (240°: the ninth, chroma
    128 / 255), a quarter red and 15° towards orange (half the first, half the second); greys have none."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = (0, 255, 0)
    pixels[8:12] = (0, 0, 128)
    pixels[12:14] = (255, 64, 0)  # hue 64 / 255 · 60° = 15.06°
    pixels[14:] = (90, 90, 90)
    expected = np.zeros(12)
    expected[4], expected[8] = 0.5, 0.25 * 128 / 255
    towards = 64 / 255 * 2
    expected[0], expected[1] = 0.125 * (1 - towards), 0.125 * towards
    assert image_statistics(tf.constant(pixels[None])).numpy()[0, HUES] == pytest.approx(expected, abs=1e-6)


def test_the_last_hue_turns_into_the_first() -> None:
    """345°, between 330° and 360°: half of each."""
    pixels = np.full((1, 16, 16, 3), (255, 0, 64), np.uint8)
    found = image_statistics(tf.constant(pixels)).numpy()[0, HUES]
    assert found[[11, 0]] == pytest.approx([64 / 255 * 2, 1 - 64 / 255 * 2], abs=1e-6)
    assert found.sum() == pytest.approx(1.0, abs=1e-6)
