"""The wide part of the model: weights for numbers, values, pairs and the creative, at their optimum.

Its loss is convex, so that it has one optimum, found in seconds. Trained together with the towers by small steps it
would stop short of it, and the noise of those steps costs more than the towers bring where clicks are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.effect_columns import (
    Columns,
    CreativeColumns,
    FloatArray,
    NumberColumns,
    ValueColumns,
    bag_of_words,
)
from trainer.effect_prior import WEAKEST
from trainer.fitting import CreativeEmbedder
from trainer.paired_effects import PairedEffect
from trainer.plain_effects import Block, fit_weights, logits_of
from trainer.popularity import popularity_block


class WidePart(NamedTuple):
    """What has weights, and how hard each is held to zero: k in the penalty k · w²."""

    dense: list[str]
    embedded: list[EmbeddedFeature]
    number_prior: float
    value_priors: dict[str, float]
    """By feature."""
    effects: list[PairedEffect]
    """The creative's own first."""
    creative_tells: bool
    """Whether the creative's effect on its own stands out, and not only together with another feature."""
    popularity: Mapping[str, FloatArray] = MappingProxyType({})
    """As trainer/popularity.py finds it, by feature."""
    popularity_prior: float = WEAKEST
    creative_turn: FloatArray | None = None
    """As trainer/creative_directions.py finds it, [K, K]: the effects are of the creative's features times this."""

    def blocks(self, rows: Rows, components: npt.NDArray[np.float32] | None) -> list[Block]:
        """In the order of ClickModel.wide_variables. components: of stored creatives, [creatives, K]; None without."""
        blocks = own_blocks(
            rows, self.dense, self.embedded, self.number_prior, self.value_priors, components is not None
        )
        sizes = {one.name: one.size for one in self.embedded}
        return blocks + [Block(effect_columns(one, rows, sizes, components), one.prior) for one in self.effects]


def own_blocks(
    rows: Rows,
    dense: Sequence[str],
    embedded: Sequence[EmbeddedFeature],
    number_prior: float,
    value_priors: Mapping[str, float],
    with_creative: bool,
) -> list[Block]:
    """Numbers, each feature's values, and whether there is a creative."""
    blocks = []
    if dense:
        numbers = np.stack([rows.inputs[name].numpy() for name in dense], -1).astype(np.float64)
        blocks.append(Block(NumberColumns(numbers), number_prior))
    for one in embedded:
        ids = rows.inputs[one.name]
        if isinstance(ids, tf.RaggedTensor):
            columns: Columns = bag_of_words(ids.flat_values.numpy(), ids.row_splits.numpy(), one.size)
        else:
            columns = ValueColumns(ids.numpy(), one.size)
        blocks.append(Block(columns, value_priors[one.name]))
    if with_creative:
        blocks.append(Block(NumberColumns((rows.creative >= 0).astype(np.float64)[:, np.newaxis]), WEAKEST))
    return blocks


def effect_columns(
    effect: PairedEffect, rows: Rows, sizes: Mapping[str, int], components: npt.NDArray[np.float32] | None
) -> Columns:
    """Of one pair, or of the creative. sizes: of the features of values."""

    def ids(name: str) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = rows.inputs[name].numpy()
        return found

    def number(name: str) -> FloatArray:
        found: FloatArray = rows.inputs[name].numpy().astype(np.float64)
        return found

    first, second = effect.first, effect.second
    if second in sizes:
        return ValueColumns(ids(first) * sizes[second] + ids(second), sizes[first] * sizes[second])
    if second:
        return ValueColumns(ids(first), sizes[first], number(second))
    if components is None:
        raise ValueError("an effect of the creative needs the creative's features")
    features = components.astype(np.float64)
    if first in sizes:
        return CreativeColumns(ids(first), sizes[first], rows.creative, features)
    nowhere = np.zeros(len(rows), np.int64)
    return CreativeColumns(nowhere, 1, rows.creative, features, number(first) if first else None)


def observed_weight(rows: Rows, aggregated: bool) -> FloatArray:
    """Of mean 1, since a weight tells how much a row matters, unless it counts impressions; [rows]."""
    weight = rows.weight.astype(np.float64)
    total = float(weight.sum())
    return weight if aggregated or total <= 0.0 else weight * (len(weight) / total)


def both_classes(label: FloatArray, weight: FloatArray) -> bool:
    """Whether there are clicks and others."""
    return 0.0 < float(weight @ label) < float(weight.sum())


class WideWeights(NamedTuple):
    """Of a wide part, without towers."""

    bias: float
    weights: list[FloatArray]
    """In the order of ClickModel.wide_variables."""

    def logits(self, part: WidePart, rows: Rows, components: npt.NDArray[np.float32] | None) -> FloatArray:
        """[rows]"""
        return self.bias + logits_of(part.blocks(rows, components), self.weights)


def fit_wide(
    part: WidePart, model: ClickModel, embedder: CreativeEmbedder, rows: Rows, aggregated: bool
) -> WideWeights:
    """The likeliest wide weights; those that the model has, which has been called, are the priors' means.

    Values' weights have the slopes in their popularity within.
    """
    label, weight = rows.label.astype(np.float64), observed_weight(rows, aggregated)
    components = embedder.components()
    blocks = part.blocks(rows, components)
    means = [variable.numpy().astype(np.float64).ravel() for variable in model.wide_variables(components is not None)]
    if not blocks or not both_classes(label, weight):
        return WideWeights(float(model.bias.numpy()[0]), means)
    slopes = [popularity_block(rows, part.popularity, part.popularity_prior)] if part.popularity else []
    means += [np.zeros(block.columns.width) for block in slopes]
    fit = fit_weights([*blocks, *slopes], label, weight, means=means)
    weights = fit.weights[: len(blocks)]
    places = {one.name: index for index, one in enumerate(part.embedded, start=1 if part.dense else 0)}
    for (name, values), slope in zip(part.popularity.items(), fit.weights[-1], strict=False):
        weights[places[name]] = weights[places[name]] + slope * values
    return WideWeights(fit.bias, weights)
