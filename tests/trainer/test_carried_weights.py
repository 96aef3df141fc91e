"""Weights written by one model and taken over by a later one, whose vocabulary has grown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from configs.settings import ImageTower as TowerSettings
from configs.settings import Model
from trainer.carried_weights import FILE, start_from, write_weights
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.fitting import CreativeEmbedder
from trainer.image_tower import ImageTower
from trainer.paired_effects import PairedEffect

PIXELS = np.random.default_rng(4).integers(0, 256, (2, 16, 16, 3), np.uint8)
SETTINGS = Model(cross_layers=1, deep_units=(4,), dropout=0.0)
EFFECTS = [
    PairedEffect("", "", 1.0),
    PairedEffect("city", "page", 1.0),
    PairedEffect("city", "bid", 1.0),
    PairedEffect("city", "", 1.0),
]


def made(values: int, seed: int, dense: tuple[str, ...] = ("bid",)) -> tuple[ClickModel, CreativeEmbedder]:
    """A called model with a city of so many known values, a page hashed into three, and an image."""
    features = [EmbeddedFeature("city", values + 1, 2, is_text=False), EmbeddedFeature("page", 3, 2, is_text=False)]
    tower = ImageTower(3, TowerSettings(filters=(4,), features=2), l2=0.0, seed=seed)
    model = ClickModel(
        list(dense), features, SETTINGS, bias=-2.0, rows=30, seed=seed, effects=EFFECTS, creative_features=2
    )
    embedder = CreativeEmbedder(tower, PIXELS)
    generator = np.random.default_rng(seed)
    logits(model, embedder, [0], dense)
    wide = model.wide_variables(with_creative=True)
    for variable in [
        *model.trainable_variables,
        *wide,
        *(embedder.tower.trainable_variables if embedder.tower else []),
    ]:
        variable.assign(generator.normal(0.0, 0.3, variable.shape))
    return model, embedder


def logits(
    model: ClickModel, embedder: CreativeEmbedder, cities: list[int], dense: tuple[str, ...] = ("bid",)
) -> npt.NDArray[np.float32]:
    rows = len(cities)
    inputs = {name: tf.linspace(0.1, 0.9, rows) for name in ("bid", *dense)}
    inputs["city"] = tf.constant(cities, tf.int64)
    inputs["page"] = tf.constant([row % 3 for row in range(rows)], tf.int64)
    creative = embedder(tf.constant([row % 2 for row in range(rows)], tf.int64), training=False)
    return model(inputs, creative).numpy()  # type: ignore[no-any-return]  # TensorFlow ships no types


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "assets.extra").mkdir()
    return str(tmp_path)


def test_a_later_model_answers_as_the_earlier_one_where_both_know_the_value(folder: str) -> None:
    earlier, later = made(2, seed=1), made(3, seed=2)
    write_weights(folder, *earlier, 0.25, {"city": [b"oslo", b"rome"]})
    found = start_from(folder, *later, {"city": [b"rome", b"bonn", b"oslo"]})
    assert (found.values, found.towers) == ({"city": 2}, True)
    # rome, oslo, unknown: rows 1, 0, 2 before and 0, 2, 3 now; the shift has become part of the bias
    expected = logits(*earlier, [1, 0, 2]) + 0.25
    assert logits(*later, [0, 2, 3]) == pytest.approx(expected, abs=1e-5)


def test_a_later_model_starts_on_the_scale_of_its_own_rows(folder: str) -> None:
    """Served probabilities are of all impressions; rows with thinned negatives have greater odds."""
    earlier, later = made(2, seed=1), made(2, seed=2)
    write_weights(folder, *earlier, -0.5, {"city": [b"oslo", b"rome"]})
    start_from(folder, *later, {"city": [b"oslo", b"rome"]}, 1.5)
    assert logits(*later, [0, 1]) == pytest.approx(logits(*earlier, [0, 1]) - 0.5 + 1.5, abs=1e-5)


def test_pairs_of_other_vocabularies_go_by_the_values(folder: str) -> None:
    """Rome is row 1 before and row 0 now, bonn is new, the last row is of unknown values."""
    earlier, later = made(2, seed=1), made(3, seed=2)
    for model in (earlier[0], later[0]):
        assert [one.second for one in model.effects] == ["", "page", "bid", ""]
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    start = [table.get_weights()[0] for table in later[0].effect_weights]
    start_from(folder, *later, {"city": [b"rome", b"bonn", b"oslo"]})
    for number, width in ((1, 3), (2, 1), (3, 2)):  # three pages, one slope, two components
        before, now, first = (
            values.reshape(-1, width)
            for values in (
                earlier[0].effect_weights[number].get_weights()[0],
                later[0].effect_weights[number].get_weights()[0],
                start[number],
            )
        )
        assert now[[0, 2, 3]].tolist() == before[[1, 0, 2]].tolist()
        assert now[1].tolist() == first[1].tolist()


def test_rare_and_new_values_keep_their_rows(folder: str) -> None:
    """Two known values, a rare one's row and a new one's: the tables of `made` have one row more than it is told."""
    earlier, later = made(3, seed=1), made(4, seed=2)
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    assert start_from(folder, *later, {"city": [b"rome", b"bonn", b"oslo"]}).values == {"city": 2}
    # rome, oslo, rare, new: rows 1, 0, 2, 3 before and 0, 2, 3, 4 now
    assert logits(*later, [0, 2, 3, 4]) == pytest.approx(logits(*earlier, [1, 0, 2, 3]), abs=1e-5)


def test_a_model_that_told_new_values_from_rare_ones_not_leaves_the_new_ones_theirs(folder: str) -> None:
    earlier, later = made(2, seed=1), made(3, seed=2)
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    start = later[0].value_weights["city"].get_weights()[0]
    start_from(folder, *later, {"city": [b"oslo", b"rome"]})
    now = later[0].value_weights["city"].get_weights()[0]
    assert now[:3].tolist() == earlier[0].value_weights["city"].get_weights()[0].tolist()
    assert now[3].tolist() == start[3].tolist()


def test_a_new_value_keeps_its_start(folder: str) -> None:
    earlier, later = made(2, seed=1), made(3, seed=2)
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    before = later[0].value_embeddings["city"].get_weights()[0][1].tolist()
    start_from(folder, *later, {"city": [b"rome", b"bonn", b"oslo"]})
    assert later[0].value_embeddings["city"].get_weights()[0][1].tolist() == before


def test_other_inputs_take_the_values_and_leave_the_layers(folder: str) -> None:
    earlier, later = made(2, seed=1), made(2, seed=2, dense=("bid", "age"))
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    kernel = later[0].towers()["out"].get_weights()[0].tolist()
    found = start_from(folder, *later, {"city": [b"oslo", b"rome"]})
    assert (found.values, found.towers) == ({"city": 2}, False)
    assert later[0].towers()["out"].get_weights()[0].tolist() == kernel
    taken = later[0].value_weights["city"].get_weights()[0]
    assert taken.tolist() == earlier[0].value_weights["city"].get_weights()[0].tolist()


def test_a_tower_of_other_statistics_leaves_the_creatives_weights(folder: str) -> None:
    """They are of other components."""
    earlier, later = made(2, seed=1), made(2, seed=2)
    write_weights(folder, *earlier, 0.0, {"city": [b"oslo", b"rome"]})
    path = Path(folder) / FILE
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    layout = json.loads(str(arrays["layout"]))
    arrays["layout"] = np.array(json.dumps({**layout, "statistics": layout["statistics"] - 16}))
    np.savez_compressed(path, **arrays)
    before = [table.get_weights()[0].copy() for table in later[0].effect_weights]
    found = start_from(folder, *later, {"city": [b"oslo", b"rome"]})
    assert (found.values, found.towers) == ({"city": 2}, False)
    kept = [
        np.array_equal(table.get_weights()[0], old) for table, old in zip(later[0].effect_weights, before, strict=True)
    ]
    assert kept == [not effect.second for effect in EFFECTS]


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    """A version is known by its digest."""
    written = []
    for name in ("one", "two"):
        (tmp_path / name / "assets.extra").mkdir(parents=True)
        write_weights(str(tmp_path / name), *made(2, seed=1), 0.0, {"city": [b"oslo", b"rome"]})
        written.append((tmp_path / name / FILE).read_bytes())
    assert written[0] == written[1]


def test_a_version_without_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"training_weights\.npz"):
        start_from(str(tmp_path), *made(2, seed=1), {"city": [b"oslo", b"rome"]})
