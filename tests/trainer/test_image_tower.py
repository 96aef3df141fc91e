"""Standardised statistics and convolutions to one embedding."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from configs.settings import ImageTower as TowerSettings
from trainer.image_statistics import image_statistics
from trainer.image_tower import ImageTower

PIXELS = tf.constant(np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3), np.uint8))
WIDTH = 106


def identity_tower() -> ImageTower:
    """Statistics only, whose projection hands its input on: what comes out is what was standardised."""
    tower = ImageTower(WIDTH, TowerSettings(filters=(), dropout=0.0, features=0), l2=0.0, seed=1)
    tower(PIXELS[:1])
    kernel, bias = tower.trainable_variables
    kernel.assign(tf.eye(WIDTH))
    bias.assign(tf.zeros(WIDTH))
    return tower


def test_adapting_standardises_these_creatives() -> None:
    tower, found = identity_tower(), image_statistics(PIXELS)
    assert tower(PIXELS).numpy() == pytest.approx(found.numpy(), abs=1e-6)  # nothing is moved before
    tower.adapt(found)
    standardised = tower(PIXELS).numpy()
    assert standardised.mean(0) == pytest.approx([0.0] * WIDTH, abs=1e-3)
    # the divisor is spread + 0.001, so that a statistic of spread s comes out with s / (s + 0.001)
    spread = found.numpy().std(0)
    assert spread.max() > 0.02
    assert standardised.std(0) == pytest.approx(spread / (spread + 1e-3), abs=1e-3)


def test_a_creative_far_from_the_others_is_clipped() -> None:
    tower = identity_tower()
    grey = tf.constant(np.stack([np.full((16, 16, 3), level, np.uint8) for level in (100, 101, 102)]))
    tower.adapt(image_statistics(grey))
    # luma 1 against a mean of 101 / 255 = 0.396 and a spread of about 1 / 255 = 0.004: over a hundred deviations
    white = tower(tf.fill([1, 16, 16, 3], tf.constant(255, tf.uint8))).numpy()[0]
    assert white[3] == 5.0
    assert np.abs(white).max() == 5.0


def test_the_same_statistic_everywhere_says_nothing() -> None:
    tower = identity_tower()
    same = tf.repeat(PIXELS[:1], 4, 0)
    tower.adapt(image_statistics(same))
    assert tower(same).numpy() == pytest.approx(np.zeros((4, WIDTH)), abs=1e-3)


def test_statistics_known_already_give_the_same_embedding() -> None:
    tower = ImageTower(5, TowerSettings(), l2=0.0, seed=1)
    tower(PIXELS[:1])
    known = image_statistics(PIXELS)
    tower.adapt(known)
    assert np.array_equal(tower(PIXELS, known).numpy(), tower(PIXELS).numpy())
    assert not np.allclose(tower(PIXELS, known + 1.0).numpy(), tower(PIXELS).numpy())


def test_convolutions_see_pixels_from_minus_one_to_one() -> None:
    tower = ImageTower(1, TowerSettings(statistics=False, filters=(1,), dropout=0.0), l2=0.0, seed=1)
    tower(PIXELS[:1])
    kernel, bias, project, project_bias = tower.trainable_variables
    centre = np.zeros((3, 3, 3, 1), np.float32)
    centre[1, 1, 0, 0] = 1.0  # one filter: the red value under its centre
    for variable, value in zip((kernel, bias, project, project_bias), (centre, [2.0], [[10.0]], [0.5]), strict=True):
        variable.assign(value)
    pixels = np.zeros((3, 16, 16, 3), np.uint8)
    pixels[0, ..., 0], pixels[1, ..., 0], pixels[2, :8, :, 0] = 255, 51, 255
    # red 255 → 1, 51 → -0.6, 0 → -1; relu(red + 2), the mean over places, · 10 + 0.5:
    # (1 + 2) · 10 + 0.5 = 30.5; 1.4 · 10 + 0.5 = 14.5; half 3 and half 1: 20.5
    assert tower(tf.constant(pixels)).numpy()[:, 0] == pytest.approx([30.5, 14.5, 20.5], abs=1e-4)


def test_every_kernel_is_penalised_and_no_bias() -> None:
    tower = ImageTower(2, TowerSettings(filters=(2,)), l2=0.5, seed=1)
    tower(PIXELS[:1])
    for variable in tower.trainable_variables:
        variable.assign(tf.ones_like(variable))
    # kernels of ones: 3 · 3 · 3 inputs · 2 filters = 54, and (106 statistics + 2 filters) · 2 outputs = 216
    assert sorted(float(term) for term in tower.losses) == [0.5 * 54, 0.5 * 216]


def test_components_stand_behind_the_embedding_uncorrelated_and_evened_out() -> None:
    """Component c of the standardised statistics has spread s_c; here √s_c, in units of their quadratic mean."""
    pixels = tf.constant(np.random.default_rng(2).integers(0, 256, (40, 16, 16, 3), np.uint8) // 4 * 3)
    known = image_statistics(pixels)
    tower = ImageTower(5, TowerSettings(features=3), l2=0.0, seed=1)
    tower(pixels[:1])
    tower.adapt(known)
    behind = tower(pixels).numpy()[:, 5:]
    assert behind == pytest.approx(tower.components(known).numpy(), abs=1e-5)
    standard = (known - tf.reduce_mean(known, 0)) / (tf.math.reduce_std(known, 0) + 1e-3)
    spreads = np.linalg.svd(standard.numpy(), compute_uv=False)[:3] / np.sqrt(40)
    expected = np.sqrt(spreads) / np.sqrt(spreads.mean())
    assert behind.std(0) == pytest.approx(expected, rel=1e-3)
    assert np.corrcoef(behind.T) == pytest.approx(np.eye(3), abs=1e-3)


def test_fewer_creatives_than_components_leave_the_rest_zero() -> None:
    tower = ImageTower(5, TowerSettings(features=8), l2=0.0, seed=1)
    tower(PIXELS[:1])
    tower.adapt(image_statistics(PIXELS[:3]))  # three points span two directions
    behind = tower(PIXELS).numpy()[:, 5:]
    assert np.abs(behind[:, :2]).max() > 0.0
    assert not behind[:, 2:].any()


def test_turning_multiplies_the_components_and_nothing_else() -> None:
    tower = ImageTower(5, TowerSettings(features=3), l2=0.0, seed=1)
    tower(PIXELS[:1])
    known = image_statistics(PIXELS)
    tower.adapt(known)
    before = tower(PIXELS).numpy()
    turn = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.5, 3.0]])
    tower.turn(turn)
    assert tower(PIXELS).numpy()[:, 5:] == pytest.approx(before[:, 5:] @ turn, rel=1e-4, abs=1e-5)
    assert np.array_equal(tower(PIXELS).numpy()[:, :5], before[:, :5])
    assert tower.components(known).numpy() == pytest.approx(before[:, 5:] @ turn, rel=1e-4, abs=1e-5)
    assert tower.statistics == WIDTH
