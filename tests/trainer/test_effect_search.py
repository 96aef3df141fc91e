"""Effects in rows whose click rates are known."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from configs.settings import Model
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.effect_search import wide_part

ROWS = 20_000
COLUMNS = [
    EmbeddedFeature("segment", 6, 2, False),
    EmbeddedFeature("device", 4, 2, False),
    EmbeddedFeature("site", 9, 2, False),
]


def drawn(pair: float, creative: float, own: float = 0.0) -> tuple[Rows, np.ndarray]:  # type: ignore[type-arg]  # float32
    """Own effects of all but the creative; `pair` of segment × device, and one of the creative's two features by
    segment, as often up as down at either click rate, and on its `own`."""
    generator = np.random.default_rng(3)
    ids = {one.name: generator.integers(0, one.size, ROWS) for one in COLUMNS}
    half = generator.normal(0.0, 1.0, (25, 2)).astype(np.float32)
    components = np.concatenate([half, -half])  # by segment up and down alike, they have no effect on their own
    index = generator.integers(-1, 50, ROWS)
    seen = np.where(index >= 0, components[np.maximum(index, 0), 0], 0.0)
    logit = -2.5 + 0.4 * np.sin(ids["site"]) + 0.5 * (ids["segment"] % 2)
    logit = logit + pair * generator.normal(0.0, 1.0, (6, 4))[ids["segment"], ids["device"]]
    logit = logit + creative * np.array([1.0, -1.0, -1.0, 1.0, 0.0, 0.0])[ids["segment"]] * seen + own * seen
    label = (generator.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    inputs = {name: tf.constant(values) for name, values in ids.items()}
    return Rows(inputs, index, label, np.ones(ROWS, np.float32)), components


def found(pair: float, creative: float, settings: Model) -> set[tuple[str, str]]:
    rows, components = drawn(pair, creative)
    part = wide_part(rows, [], COLUMNS, {}, components, settings, 1)
    return {(one.first, one.second) for one in part.effects}


def test_what_acts_together_is_found_and_nothing_else() -> None:
    settings = Model()
    assert found(0.6, 0.0, settings) - {("", "")} == {("segment", "device")}
    assert found(0.0, 0.6, settings) - {("", "")} == {("segment", "")}
    assert found(0.0, 0.0, settings) - {("", "")} == set()


def test_towers_see_the_creative_where_it_tells_on_its_own() -> None:
    """An embedding beside the weights of a pair would learn the training rows by heart."""

    def tells(creative: float, own: float) -> bool:
        rows, components = drawn(0.0, creative, own)
        return wide_part(rows, [], COLUMNS, {}, components, Model(), 1).creative_tells

    assert tells(0.0, 0.3)
    assert tells(0.6, 0.3)
    assert not tells(0.6, 0.0)


def test_several_sets_of_the_creatives_weights_share_their_directions() -> None:
    """Six segments' weights lie along the first of two features; the creative's alone have none to learn from."""
    rows, components = drawn(0.0, 0.6)
    turn = wide_part(rows, [], COLUMNS, {}, components, Model(), 1).creative_turn
    assert turn is not None
    assert (turn @ turn.T)[0, 0] > 1.3 > 0.7 > (turn @ turn.T)[1, 1]
    assert wide_part(rows, [], COLUMNS, {}, components, Model(kind="logistic"), 1).creative_turn is None
    assert wide_part(rows, [], COLUMNS, {}, None, Model(), 1).creative_turn is None


def test_a_number_that_few_rows_lack_brings_no_pair_by_chance() -> None:
    """40 clicks in 8,000 rows, and the flag of three rows, one of which is clicked: too little for any pair."""
    generator = np.random.default_rng(2)
    ids = {one.name: tf.constant(generator.integers(0, one.size, 8_000)) for one in COLUMNS}
    label, missing = np.zeros(8_000, np.float32), np.zeros(8_000, np.float32)
    label[:40], missing[[0, 50, 51]] = 1.0, 1.0
    order = generator.permutation(8_000)
    rows = Rows(
        {**ids, "age_missing": tf.constant(missing[order])}, np.full(8_000, -1), label[order], np.ones(8_000, "f4")
    )
    part = wide_part(rows, ["age_missing"], COLUMNS, {}, None, Model(), 1)
    assert [one for one in part.effects if one.second == "age_missing"] == []


def test_logistic_and_the_setting_have_no_pairs() -> None:
    assert found(0.6, 0.6, Model(kind="logistic")) - {("", "")} == set()
    assert found(0.6, 0.6, Model(paired_effects=False)) - {("", "")} == set()


def test_one_class_alone_has_no_effects() -> None:
    rows, components = drawn(0.6, 0.6)
    silent = Rows(rows.inputs, rows.creative, np.zeros(ROWS, np.float32), rows.weight)
    assert wide_part(silent, [], COLUMNS, {}, components, Model(), 1).effects == []


def test_the_model_adds_the_weights_of_pairs_and_creative() -> None:
    """Logits are bias + w[segment, device] + v[segment] · features: 0.5 + 3 + (2 · 10 - 1 · 4) = 19.5."""
    rows, components = drawn(0.6, 0.6)
    part = wide_part(rows, [], COLUMNS, {}, components, Model(), 1)
    effects = [one for one in part.effects if one.first == "segment"]
    assert {one.second for one in effects} == {"device", ""}
    settings = Model(kind="logistic")
    model = ClickModel([], COLUMNS, settings, bias=0.5, rows=ROWS, seed=1, effects=effects, creative_features=2)
    inputs = {"segment": tf.constant([5]), "device": tf.constant([2]), "site": tf.constant([0])}
    creative = tf.constant([[0.0, 10.0, 4.0, 1.0]])  # an embedding of one, two features, the flag
    model(inputs, creative)
    for one, weights in zip(model.effects, model.effect_weights, strict=True):
        values = np.zeros(weights.embeddings.shape, np.float32)
        if one.second:
            values[5 * 4 + 2] = 3.0
        else:
            values[5] = [2.0, -1.0]
        weights.embeddings.assign(values)
    assert model(inputs, creative).numpy().tolist() == [19.5]
    model.multiply_logits(2.0)
    assert model(inputs, creative).numpy().tolist() == [39.0]
