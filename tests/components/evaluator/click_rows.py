"""Simulated evaluation rows: skewed scores of rare clicks, ties, weights, slices of all sizes."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import Slicing, slicings


def click_rows(n_rows: int, seed: int, click_rate: float = 0.05, decimals: int | None = None) -> dict[str, FloatArray]:
    """label, weight, candidate and a noisier baseline, [n_rows] each."""
    draws = np.random.default_rng(seed)
    logit = np.log(click_rate / (1 - click_rate)) + draws.normal(size=n_rows)
    probability = 1 / (1 + np.exp(-logit))

    def scores(noise: float) -> FloatArray:
        found = 1 / (1 + np.exp(-(logit + noise * draws.normal(size=n_rows))))
        found = found if decimals is None else found.round(decimals)
        return np.clip(found, 1e-6, 1 - 1e-6).astype(np.float32).astype(np.float64)

    return {
        "label": (draws.random(n_rows) < probability).astype(np.float64),
        "weight": draws.integers(1, 4, n_rows).astype(np.float64),
        "candidate": scores(0.3),
        "baseline": scores(0.6),
    }


def click_slicings(n_rows: int, seed: int, sizes: tuple[int, ...] = (3, 40, 400)) -> list[Slicing]:
    """All rows together and a slicing of each size; a row in fifty has no value."""
    draws = np.random.default_rng(seed)
    encoded = {}
    for size in sizes:
        codes = np.minimum(draws.geometric(3 / size, n_rows) - 1, size - 1)  # a few large slices, many small ones
        codes[draws.random(n_rows) < 0.02] = -1
        encoded[f"c{size}"] = (codes.astype(np.int64), [f"v{one}" for one in range(size)])
    return slicings(encoded, [(name,) for name in encoded], n_rows)
