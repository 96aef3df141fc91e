"""Which weights the wide part has, and their priors: found in the training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from configs.settings import Model
from trainer.click_model import EmbeddedFeature
from trainer.creative_directions import with_shared_directions
from trainer.dataset import Rows
from trainer.effect_columns import FloatArray
from trainer.effect_prior import WEAKEST
from trainer.effect_variances import with_estimated_priors
from trainer.paired_effects import (
    CHANCE_OF_CREATIVE,
    MAX_TESTED,
    Candidate,
    PairedEffect,
    ScoreTest,
    candidates,
    greatest_chance,
    score_test,
    some_rows,
)
from trainer.plain_effects import Block, PlainFit, fit_weights
from trainer.popularity import popularities, popularity_block
from trainer.wide_part import WidePart, both_classes, effect_columns, observed_weight, own_blocks


def wide_part(
    rows: Rows,
    dense: Sequence[str],
    embedded: Sequence[EmbeddedFeature],
    priors: Mapping[str, float],
    components: npt.NDArray[np.float32] | None,
    settings: Model,
    seed: int,
    aggregated: bool = False,
) -> WidePart:
    """The creative's own effect first, then the pairs that stand out; none for `logistic` but the creative's.

    components: of the stored creatives, [creatives, K]; None without images. `priors`: first guesses for the values by
    feature. `aggregated`: weights count impressions, and labels are click rates.
    """
    values = {one.name: max(priors.get(one.name, settings.embedding_prior), WEAKEST) for one in embedded}
    part = WidePart(list(dense), list(embedded), WEAKEST, values, [], creative_tells=False)
    if not len(rows):
        return part
    taken = rows.taken(some_rows(len(rows), seed))
    label, weight = taken.label.astype(np.float64), observed_weight(taken, aggregated)
    if not both_classes(label, weight):
        return part
    sizes = {one.name: one.size for one in embedded}
    blocks = own_blocks(taken, dense, embedded, WEAKEST, values, components is not None)
    if not blocks:
        return part
    of_values = range(len(blocks) - len(embedded) - (components is not None), len(blocks) - (components is not None))
    own = len(blocks)
    effects: list[PairedEffect] = []
    fit = fit_weights(blocks, label, weight)

    def test(one: Candidate) -> ScoreTest:
        return score_test(one.group, one.columns, label, fit.probabilities, weight, aggregated)

    def take(one: Candidate, found: ScoreTest) -> PlainFit:
        effects.append(PairedEffect(one.first, one.second, max(0.5 / found.variance, WEAKEST)))
        blocks.append(Block(effect_columns(effects[-1], taken, sizes, components), effects[-1].prior))
        return fit_weights(blocks, label, weight, fit)

    popularity, variance = _telling(popularities(rows, embedded), taken, test)
    if popularity:
        blocks.append(popularity_block(taken, popularity, max(0.5 / variance, WEAKEST)))
        fit = fit_weights(blocks, label, weight, fit)
    creative = None if components is None else _of_rows(components, taken.creative)
    creative_tells = False
    if creative is not None:
        alone = Candidate("", "", np.zeros(len(taken), np.int64), creative)
        found = test(alone)
        creative_tells = found.chance <= CHANCE_OF_CREATIVE
        if found.variance > 0.0:
            fit = take(alone, found)
    if settings.paired_effects and settings.kind != "logistic":
        ids = {one.name: taken.inputs[one.name].numpy() for one in embedded if not one.is_text}
        numbers = {name: taken.inputs[name].numpy().astype(np.float64) for name in dense}
        tests = [(test(one), not one.second) for one in candidates(ids, sizes, numbers, creative)]
        # Where a creative works is a question for itself, and more often than not it has an answer.
        bounds = [greatest_chance([one.chance for one, asks in tests if asks == family]) for family in (False, True)]
        # Drawn again, since the columns of all at once would fill the memory.
        again = zip(tests, candidates(ids, sizes, numbers, creative), strict=True)
        passed = [(found.score, one) for (found, asks), one in again if found.chance <= bounds[asks]]
        promising = sorted(passed, key=lambda entry: -entry[0])
        # The strongest first, and each other on what those before it leave: most that stood out were their shadows.
        for _, one in promising[:MAX_TESTED]:
            found = test(one)
            if found.chance <= bounds[not one.second]:
                fit = take(one, found)
    asked = {*of_values, *([0] if dense else [])}
    fixed = [index < own and (index not in asked or not settings.estimate_priors) for index in range(len(blocks))]
    expected = [index < own for index in range(len(blocks))]
    blocks = with_estimated_priors(blocks, label, weight, fixed, seed, fit, expected)
    blocks, turn = with_shared_directions(blocks, label, weight, seed)
    return WidePart(
        list(dense),
        list(embedded),
        blocks[0].prior if dense else WEAKEST,
        {one.name: blocks[index].prior for one, index in zip(embedded, of_values, strict=True)},
        [one._replace(prior=block.prior) for one, block in zip(effects, blocks[own + bool(popularity) :], strict=True)],
        creative_tells,
        popularity,
        blocks[own].prior if popularity else part.popularity_prior,
        turn,
    )


def _telling(
    popularity: Mapping[str, FloatArray], rows: Rows, test: Callable[[Candidate], ScoreTest]
) -> tuple[dict[str, FloatArray], float]:
    """The features whose popularity stands out, and the variance of their slopes; 0 without any."""
    nowhere = np.zeros(len(rows), np.int64)
    tests = {
        name: test(Candidate(name, "", nowhere, values[rows.inputs[name].numpy()][:, np.newaxis]))
        for name, values in popularity.items()
    }
    bound = greatest_chance([one.chance for one in tests.values()])
    passed = [name for name, one in tests.items() if one.chance <= bound]
    variance = float(np.mean([tests[name].variance for name in passed])) if passed else 0.0
    return {name: popularity[name] for name in passed}, variance


def _of_rows(components: npt.NDArray[np.float32], index: npt.NDArray[np.int64]) -> FloatArray:
    """Zeros where a row has no creative, [rows, K]."""
    if not len(components):
        return np.zeros((len(index), components.shape[1]))
    found: FloatArray = components[np.maximum(index, 0)].astype(np.float64)
    return found * (index >= 0)[:, np.newaxis]
