"""A slope in how often a value comes, within the values' weights."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from configs.settings import Model
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.effect_search import wide_part
from trainer.fitting import CreativeEmbedder, predict_logits
from trainer.popularity import LEAST_VALUES, popularities, popularity_block
from trainer.wide_part import WidePart, fit_wide

NO_PIXELS = np.zeros((0, 16, 16, 3), np.uint8)


def of_sites(ids: np.ndarray, label: np.ndarray | None = None) -> Rows:  # type: ignore[type-arg]  # int64, any number
    clicked = np.zeros(len(ids)) if label is None else label
    return Rows(
        {"site": tf.constant(ids)}, np.full(len(ids), -1), clicked.astype(np.float32), np.ones(len(ids), np.float32)
    )


def test_popularity_by_hand() -> None:
    """30 sites of 1 row and 30 of 9: a tenth of the rows have the logarithm 0, the others log 9 = a.

    Mean 0.9 a, spread a √(0.9 · 0.1) = 0.3 a: the former lie 3 below it, the latter a third above. Rare, new and
    missing, the last three, have 0, however many rows.
    """
    site = EmbeddedFeature("site", 63, 2, is_text=False, of_vocabulary=True)
    ids = np.concatenate([np.arange(30), np.repeat(np.arange(30, 60), 9), np.full(50, 60), np.full(9, 62)])
    found = popularities(of_sites(ids), [site])["site"]
    assert found == pytest.approx([-3.0] * 30 + [1 / 3] * 30 + [0.0, 0.0, 0.0])
    block = popularity_block(of_sites(ids[[0, -60, -1]]), {"site": found}, 2.0)
    assert block.columns.logits(np.array([2.0])) == pytest.approx([-6.0, 2 / 3, 0.0])


def test_few_values_and_equally_frequent_ones_have_none() -> None:
    few = EmbeddedFeature("site", LEAST_VALUES - 1, 2, is_text=False)
    assert popularities(of_sites(np.repeat(np.arange(few.size), np.arange(few.size) + 1)), [few]) == {}
    even = EmbeddedFeature("site", 100, 2, is_text=False)
    assert popularities(of_sites(np.repeat(np.arange(100), 7)), [even]) == {}


def test_words_have_none() -> None:
    words = EmbeddedFeature("words", 100, 2, is_text=True)
    inputs = {"words": tf.RaggedTensor.from_row_lengths(np.arange(100), [1] * 100)}
    rows = Rows(inputs, np.full(100, -1), np.zeros(100, np.float32), np.ones(100, np.float32))
    assert popularities(rows, [words]) == {}


def drawn(slope: float) -> tuple[Rows, np.ndarray, EmbeddedFeature]:  # type: ignore[type-arg]  # float64
    """20,000 rows, 400 sites of Zipf-like traffic, whose logits rise with their popularity; and that, [sites]."""
    generator = np.random.default_rng(5)
    site = EmbeddedFeature("site", 400, 2, is_text=False)
    traffic = 1.0 / (1.0 + np.arange(400))
    ids = generator.choice(400, 20_000, p=traffic / traffic.sum())
    popularity = popularities(of_sites(ids), [site])["site"]
    label = generator.random(20_000) < 1 / (1 + np.exp(2.0 - slope * popularity[ids]))
    return of_sites(ids, label), popularity, site


def fitted(part: WidePart, rows: Rows, site: EmbeddedFeature) -> tuple[float, np.ndarray]:  # type: ignore[type-arg]  # float64
    model, embedder = ClickModel([], [site], Model(), 0.0, rows=len(rows), seed=1), CreativeEmbedder(None, NO_PIXELS)
    predict_logits(model, embedder, rows.taken(np.zeros(1, np.int64)))
    found = fit_wide(part, model, embedder, rows, aggregated=False)
    return found.bias, found.weights[0]


def test_what_seldom_values_have_in_common_is_in_their_weights() -> None:
    """Slope 0.4: sites of few rows, two deviations below the mean, lie 0.8 below it. Alone they would not get there."""
    rows, popularity, site = drawn(0.4)
    part = wide_part(rows, [], [site], {}, None, Model(), 1)
    _, weights = fitted(part, rows, site)
    seldom = popularity < -1.5
    assert seldom.sum() > 100
    assert weights[seldom].mean() == pytest.approx(0.4 * popularity[seldom].mean(), abs=0.2)
    _, alone = fitted(part._replace(popularity={}), rows, site)
    assert alone[seldom].mean() > 0.6 * weights[seldom].mean()


def test_where_there_is_nothing_in_common_nothing_is_added() -> None:
    rows, _, site = drawn(0.0)
    assert wide_part(rows, [], [site], {}, None, Model(), 1).popularity == {}


def test_weights_and_slope_are_at_their_optimum_together() -> None:
    """Of w' = w + b x the loss has the slope -2 k w in w', and Σ x of it is -2 k' b: b = k Σ x w' / (k' + k Σ x²)."""
    rows, popularity, site = drawn(0.4)
    part = WidePart([], [site], 0.5, {"site": 3.0}, [], creative_tells=False, popularity={"site": popularity})
    bias, weights = fitted(part, rows, site)
    b = 3.0 * (popularity @ weights) / (part.popularity_prior + 3.0 * (popularity @ popularity))
    assert b > 0.2
    ids = rows.inputs["site"].numpy()
    rate = 1 / (1 + np.exp(-bias - weights[ids]))
    gradient = np.bincount(ids, rate - rows.label, site.size)
    seen = np.bincount(ids, minlength=site.size) > 0  # the others have no own weight
    assert gradient[seen] == pytest.approx(-2.0 * 3.0 * (weights - b * popularity)[seen], abs=0.05)
