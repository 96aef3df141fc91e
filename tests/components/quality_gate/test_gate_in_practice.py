"""Of models trained alike hardly one is blocked; of models made worse by a known amount hardly one is blessed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from click_models import (
    Impressions,
    impressions,
    trained,
    with_a_shuffled_slice,
    with_flipped_labels,
    with_shuffled_labels,
)

from components.evaluator.sliced_rows import FloatArray
from components.quality_gate.verdict import Verdict, judge
from configs.evaluation import Evaluation

PAIRS = 20
SETTINGS = Evaluation()
Damage = Callable[[Impressions, int], FloatArray]


def verdicts(candidate: Damage, rows: int = 10_000) -> list[Verdict]:
    """One for each pair: other rows, another baseline, another candidate."""
    found = []
    for pair in range(PAIRS):
        data = impressions(rows, pair)
        baseline = trained(data, 2 * pair + 1)
        found.append(judge(data.label, candidate(data, 2 * pair), baseline, None, data.slicings, SETTINGS))
    return found


@pytest.mark.parametrize("rows", [2_000, 10_000, 50_000])
def test_of_models_trained_alike_at_most_one_is_blocked(rows: int) -> None:
    blocked = [one.reasons() for one in verdicts(trained, rows) if not one.blessed]
    assert len(blocked) <= 1, blocked


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data, seed: with_shuffled_labels(data, seed, 0.5), id="half of the labels shuffled"),
        pytest.param(lambda data, seed: with_flipped_labels(data, seed, 0.05), id="a twentieth of the labels flipped"),
        pytest.param(lambda data, seed: trained(data, seed, dropped=0), id="a feature dropped"),
    ],
)
def test_of_models_made_worse_at_least_19_are_blocked_each_with_the_bound(damage: Damage) -> None:
    found = verdicts(damage)
    assert sum(not one.blessed for one in found) >= PAIRS - 1
    for one in found:
        assert one.blessed == (not one.reasons())


@pytest.mark.parametrize(
    ("column", "value"), [("device", "mobile"), ("device", "tablet"), ("position", "top"), ("position", "footer")]
)
def test_a_shuffled_slice_is_blocked_and_named(column: str, value: str) -> None:
    found = verdicts(lambda data, seed: with_a_shuffled_slice(data, seed, column, value))
    named = [any(bound.slice == f"{column}={value}" and not bound.held for bound in one.bounds) for one in found]
    assert sum(named) >= PAIRS - 1


def test_the_simulation_is_as_hard_as_the_projects_sample() -> None:
    """The sample's model reaches an AUC of about 0.74, and two that are trained alike differ by thousandths."""
    found = verdicts(trained)
    aucs = [next(bound.value for bound in one.bounds if bound.name == "AUC") for one in found]
    changes = [next(bound.value for bound in one.bounds if bound.name == "AUC change") for one in found]
    assert np.mean([one or 0.0 for one in aucs]) == pytest.approx(0.74, abs=0.03)
    assert 0.0005 < np.std([one or 0.0 for one in changes]) < 0.01
