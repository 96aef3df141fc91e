"""Effects of pairs and of the creative in the training rows, on what the features explain on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from configs.settings import Model
from trainer.click_model import EmbeddedFeature
from trainer.dataset import Rows
from trainer.effect_prior import WEAKEST
from trainer.paired_effects import (
    LEAST_SCORE,
    MAX_TESTED,
    Candidate,
    PairedEffect,
    ScoreTest,
    candidates,
    creative_effect,
    score_test,
    some_rows,
)
from trainer.plain_effects import Block, bag_of_words, by_group, fit_probabilities, one_hot

FloatArray = npt.NDArray[np.float64]


def paired_effects(
    rows: Rows,
    dense: Sequence[str],
    embedded: Sequence[EmbeddedFeature],
    priors: Mapping[str, float],
    components: npt.NDArray[np.float32] | None,
    settings: Model,
    seed: int,
    aggregated: bool = False,
) -> list[PairedEffect]:
    """The creative's own effect first, then the pairs that stand out; none for `logistic` but the creative's.

    components: of the stored creatives, [creatives, K]; None without images. `priors` of the values by feature.
    `aggregated`: weights count impressions, and labels are click rates.
    """
    if not settings.paired_effects or not len(rows):
        return []
    taken = rows.taken(some_rows(len(rows), seed))
    label, weight = taken.label.astype(np.float64), taken.weight.astype(np.float64)
    clicks = float(weight @ label)
    if not 0.0 < clicks < float(weight.sum()):
        return []
    blocks = _own_blocks(taken, dense, embedded, priors, settings)
    creative = None if components is None else _of_rows(components, taken.creative)
    effects: list[PairedEffect] = []
    click_rate = fit_probabilities(blocks, label, weight)
    if creative is not None:
        own = creative_effect(
            creative, label - click_rate, click_rate * (1.0 - click_rate), weight, WEAKEST, aggregated
        )
        if own is not None:
            effects.append(own)
            blocks.append(Block(_sparse(creative), own.prior))
            click_rate = fit_probabilities(blocks, label, weight)
    if settings.kind == "logistic":
        return effects
    ids = {one.name: taken.inputs[one.name].numpy() for one in embedded if not one.is_text}
    sizes = {one.name: one.size for one in embedded}

    def test(one: Candidate) -> ScoreTest:
        return score_test(
            one.group, one.columns, label - click_rate, click_rate * (1.0 - click_rate), weight, aggregated
        )

    scores = [(test(one).score, index, one) for index, one in enumerate(candidates(ids, sizes, creative))]
    promising = sorted((entry for entry in scores if entry[0] >= LEAST_SCORE), reverse=True)
    # The strongest first, and each other on what those before it leave: most that stood out were their shadows.
    for _, _, one in promising[:MAX_TESTED]:
        found = test(one)
        if found.score >= LEAST_SCORE:
            effects.append(PairedEffect(one.first, one.second, max(0.5 / found.variance, WEAKEST)))
            blocks.append(Block(by_group(one.group, one.columns), effects[-1].prior))
            click_rate = fit_probabilities(blocks, label, weight)
    return effects


def _own_blocks(
    rows: Rows,
    dense: Sequence[str],
    embedded: Sequence[EmbeddedFeature],
    priors: Mapping[str, float],
    settings: Model,
) -> list[Block]:
    blocks = [Block(_sparse(np.stack([rows.inputs[name].numpy() for name in dense], -1)), WEAKEST)] if dense else []
    for one in embedded:
        ids = rows.inputs[one.name]
        if isinstance(ids, tf.RaggedTensor):
            columns = bag_of_words(ids.flat_values.numpy(), ids.row_splits.numpy(), one.size)
        else:
            columns = one_hot(ids.numpy(), one.size)
        blocks.append(Block(columns, max(priors.get(one.name, settings.embedding_prior), WEAKEST)))
    known = (rows.creative >= 0).astype(np.float64)
    return [*blocks, Block(_sparse(known[:, np.newaxis]), WEAKEST)]


def _of_rows(components: npt.NDArray[np.float32], index: npt.NDArray[np.int64]) -> FloatArray:
    """Zeros where a row has no creative, [rows, K]."""
    if not len(components):
        return np.zeros((len(index), components.shape[1]))
    found: FloatArray = components[np.maximum(index, 0)].astype(np.float64)
    return found * (index >= 0)[:, np.newaxis]


def _sparse(columns: npt.NDArray[np.generic]) -> object:
    from scipy import sparse

    return sparse.csr_matrix(columns.astype(np.float64))
