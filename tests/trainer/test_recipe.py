"""What the search found in the rows reaches the model that is trained."""

from __future__ import annotations

import numpy as np
import pytest
from transform_sample import TABLE, Sample

from components.creative_gen.store import CreativePixels
from configs.settings import Model, Trainer
from trainer.dataset import load_rows
from trainer.recipe import build, vocabulary_sizes

KEYS = ("a.png", "b.png")


def test_the_creatives_components_are_turned_as_the_search_says(sample: Sample) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (len(KEYS), 16, 16, 3), np.uint8)
    store = CreativePixels(KEYS, pixels)
    rows = load_rows([str(sample.examples / "*.gz")], sample.output, TABLE, store)
    sizes = vocabulary_sizes(TABLE, sample.output)
    settings, trainer = Model(), Trainer()
    _, embedder, part = build(TABLE, settings, trainer, sizes, TABLE.image, store, rows)
    before = embedder.components()
    assert before is not None
    assert before.any()
    assert part.creative_turn is None  # six rows show nothing of it
    turn = np.eye(before.shape[1]) + np.diag(np.full(before.shape[1] - 1, 0.5), 1)  # two creatives have one component
    turned = part._replace(creative_turn=turn)
    _, embedder, _ = build(TABLE, settings, trainer, sizes, TABLE.image, store, rows, turned)
    assert embedder.components() == pytest.approx(before @ turn, rel=1e-4, abs=1e-5)
    assert not np.allclose(before @ turn, before)
