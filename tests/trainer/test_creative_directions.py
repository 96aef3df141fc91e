"""Directions that are known, found again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from trainer.creative_directions import with_shared_directions
from trainer.effect_columns import CreativeColumns, ValueColumns
from trainer.plain_effects import Block, fit_weights, logits_of

ROWS, FEATURES, CREATIVES = 20_000, 8, 200
TRUE = np.array([0.6, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0])
FloatArray = npt.NDArray[np.float64]


def drawn(seed: int, rows: int = ROWS) -> tuple[list[Block], FloatArray, FloatArray]:
    """Weights of twelve segments and of four devices, all along TRUE, and sites; blocks, labels and probabilities."""
    known, generator = np.random.default_rng(1), np.random.default_rng(seed)
    features = known.normal(size=(CREATIVES, FEATURES))
    by_segment, by_device = known.normal(0.0, 0.4, 12), known.normal(0.0, 0.3, 4)
    creative, segment = generator.integers(-1, CREATIVES, rows), generator.integers(0, 12, rows)
    device, site = generator.integers(0, 4, rows), generator.integers(0, 30, rows)
    along = np.where(creative >= 0, (features @ TRUE)[creative], 0.0)
    logit = -2.0 + (by_segment[segment] + by_device[device]) * along
    probability = 1 / (1 + np.exp(-logit))
    blocks = [
        Block(ValueColumns(site, 30), 10.0),
        Block(CreativeColumns(segment, 12, creative, features), 20.0),
        Block(CreativeColumns(device, 4, creative, features), 20.0),
    ]
    return blocks, (generator.random(rows) < probability).astype(np.float64), probability


def test_the_direction_in_which_all_weights_lie_is_found() -> None:
    blocks, label, _ = drawn(2)
    found, turn = with_shared_directions(blocks, label, np.ones(ROWS), seed=1)
    assert turn is not None
    covariance = turn @ turn.T
    assert np.trace(covariance) == pytest.approx(FEATURES)
    sizes, directions = np.linalg.eigh(covariance)
    assert abs(directions[:, -1] @ TRUE) > 0.95
    assert sizes[-1] > 3.0 * sizes[-2]
    assert found[0] == blocks[0]


def test_rows_not_seen_are_told_better() -> None:
    """Against the known probabilities, of 3,000 rows, where weights of eight directions are mostly noise."""
    blocks, label, _ = drawn(2, 3_000)
    turned, _ = with_shared_directions(blocks, label, np.ones(3_000), seed=1)
    others, _, probability = drawn(3)
    errors = []
    for one in (blocks, turned):
        fit = fit_weights(one, label, np.ones(3_000))
        unseen = [block._replace(columns=_with_features(block, like)) for block, like in zip(others, one, strict=True)]
        logits = fit.bias + logits_of(unseen, fit.weights)
        errors.append(np.mean((logits - np.log(probability / (1 - probability))) ** 2))
    assert errors[1] < 0.8 * errors[0]


def _with_features(block: Block, like: Block) -> CreativeColumns | ValueColumns:
    """The block's rows with the other's features."""
    if not isinstance(block.columns, CreativeColumns) or not isinstance(like.columns, CreativeColumns):
        assert isinstance(block.columns, ValueColumns)
        return block.columns
    turn = np.linalg.lstsq(block.columns._features, like.columns._features, rcond=None)[0]
    return block.columns.turned(turn)


def test_rows_that_say_nothing_leave_all_directions_alike() -> None:
    """E[w wᵀ] = τ² I. Of the devices' 4 sets of 8 weights 4 draws tell τ² to √(2 / 128) = 12.5 %, and with nothing to
    hold it four rounds go 25 % astray. On one term of Σ there are 64 squares, and K = 8 more sets that are even."""
    blocks, label, _ = drawn(2)
    found, turn = with_shared_directions(blocks, label, np.full(ROWS, 1e-9), seed=1)
    assert turn is not None
    assert turn @ turn.T == pytest.approx(np.eye(FEATURES), abs=0.4)
    assert [block.prior for block in found] == pytest.approx([10.0, 20.0, 20.0], rel=0.7)


def test_a_single_set_of_weights_stays_as_it_is() -> None:
    blocks, label, _ = drawn(2)
    creative = np.random.default_rng(3).integers(0, CREATIVES, ROWS)
    alone = CreativeColumns(np.zeros(ROWS, np.int64), 1, creative, np.random.default_rng(4).normal(size=(CREATIVES, 3)))
    given = [blocks[0], Block(alone, 5.0)]
    found, turn = with_shared_directions(given, label, np.ones(ROWS), seed=1)
    assert turn is None
    assert found == given


def test_without_creatives_nothing_is_turned() -> None:
    blocks, label, _ = drawn(2)
    nothing = CreativeColumns(np.zeros(ROWS, np.int64), 4, np.full(ROWS, -1), np.zeros((0, 3)))
    for given in ([blocks[0]], [blocks[0], Block(nothing, 5.0)]):
        found, turn = with_shared_directions(given, label, np.ones(ROWS), seed=1)
        assert turn is None
        assert found == given


def test_features_that_no_creative_has_stay_without_effect() -> None:
    """Fewer creatives than features leave the last ones zero."""
    blocks, label, _ = drawn(2)
    short = [blocks[0]]
    for block in blocks[1:]:
        assert isinstance(block.columns, CreativeColumns)
        short.append(block._replace(columns=block.columns.turned(np.diag([1.0] * 5 + [0.0] * 3))))
    found, turn = with_shared_directions(short, label, np.ones(ROWS), seed=1)
    assert turn is not None
    assert np.isfinite(turn).all()
    columns = found[1].columns
    assert isinstance(columns, CreativeColumns)
    assert not columns._features[:, 5:].any()
