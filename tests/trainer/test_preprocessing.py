"""Transforms through TensorFlow Transform itself, against arithmetic on the sample's six rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from transform_sample import COLUMNS, DAY_S, HOUR_S, TABLE, Sample, raw

from configs.features import FeatureTable
from trainer.analysis import Known
from trainer.preprocessing import dense_names, preprocess

MISSING = pytest.approx([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
CLOSE = 1e-5


@pytest.fixture(scope="module")
def layer(sample: Sample) -> tf.keras.layers.Layer:
    """The transform graph with the six rows' statistics."""
    return sample.output.transform_features_layer()


@pytest.fixture(scope="module")
def trained(layer: tf.keras.layers.Layer) -> dict[str, tf.Tensor]:
    """The six rows that the statistics come from."""
    return layer(raw(**COLUMNS))  # type: ignore[no-any-return]  # TensorFlow ships no types


def one(layer: tf.keras.layers.Layer, name: str, values: list[Any]) -> npt.NDArray[Any]:
    """Column `name` of new rows, under the six rows' statistics."""
    transformed = layer(raw(**{name: values}))
    assert transformed[name].shape == (len(values),)
    return transformed[name].numpy()  # type: ignore[no-any-return]  # TensorFlow ships no types


def test_z_score_of_the_values_there_are(trained: dict[str, tf.Tensor]) -> None:
    # 1, 3, 5, 3, 3: mean 15 / 5 = 3, variance (4 + 4) / 5 = 1.6; (1 - 3) / sqrt(1.6) = -1.5811; missing gives 0
    z = 2 / math.sqrt(1.6)
    assert trained["bid"].numpy() == pytest.approx([-z, 0.0, 0.0, z, 0.0, 0.0], abs=CLOSE)
    assert trained["bid_missing"].numpy() == MISSING


def test_beyond_three_a_z_score_grows_as_its_logarithm(layer: tf.keras.layers.Layer) -> None:
    # 2.9 stays; 5 becomes 3 + log(1 + 2); 3 + log(1 + rest) is 8 at a rest of e^5 - 1 = 147.4 and stays there
    spread = math.sqrt(1.6)
    bids = [3 + 2.9 * spread, 3 + 5 * spread, 3 - 5 * spread, 3 + 200 * spread, 3e38, -1e6]
    expected = [2.9, 3 + math.log(3), -3 - math.log(3), 8.0, 8.0, -8.0]
    assert one(layer, "bid", bids) == pytest.approx(expected, abs=CLOSE)


NUMBER = FeatureTable.model_validate([{"name": "x", "kind": "numeric"}, {"name": "click", "kind": "label"}])


def numbers(values: list[float], moments: tuple[float, float], grid: list[float]) -> npt.NDArray[np.float32]:
    """Column x of a training set of these moments and quantiles."""
    column = tf.sparse.from_dense(tf.constant([values], tf.float32))
    column = tf.SparseTensor(column.indices[:, ::-1], column.values, column.dense_shape[::-1])
    known = Known({"x": moments}, {"x": grid}, {}, {}, {})
    return preprocess({"x": column}, NUMBER, known)["x"].numpy()  # type: ignore[no-any-return]  # TensorFlow has no types


def test_a_few_absurd_values_do_not_set_the_scale() -> None:
    # 49 boundaries of 50 buckets, 1 … 49: the points are 1, 1.5, 2.5 … 48.5, 49, their mean 25
    grid = [float(value) for value in range(1, 50)]
    points = np.array([1.0, *np.arange(1.5, 49), 49.0])
    spread = float(np.sqrt(np.mean((points - 25.0) ** 2)))
    assert spread == pytest.approx(14.397, abs=0.001)
    # a spread of 1e12 is more than twice that: the winsorised values' stands in
    assert numbers([10.0, 40.0], (1e9, 1e24), grid) == pytest.approx([-15 / spread, 15 / spread], abs=CLOSE)
    # a variance that overflows float32 likewise
    assert numbers([10.0, 40.0], (1e36, 1e74), grid) == pytest.approx([-15 / spread, 15 / spread], abs=CLOSE)
    # one of 20 is not
    assert numbers([10.0, 40.0], (30.0, 400.0), grid) == pytest.approx([-1.0, 0.5], abs=CLOSE)


def test_numbers_near_the_largest_float_keep_their_order() -> None:
    grid = [float(value) * 1e36 for value in range(1, 50)]
    found = numbers([1e36, 1e37, 2e37, 4e37], (2.5e37, float("inf")), grid)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0.1).all()


def test_a_number_that_is_nearly_always_the_same_keeps_its_own_spread() -> None:
    # fewer than a fiftieth of the values differ, so that the grid says nothing: (3 - 0.01) / 0.1
    assert numbers([1.0, 0.11], (0.01, 0.01), [0.0] * 49) == pytest.approx([3 + math.log(1 + 6.9), 1.0], abs=1e-4)


def test_log_transform(trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer) -> None:
    # log(1 + x) of 0 and e - 1 is 0 and 1, three times each: mean 0.5, spread 0.5
    assert trained["price"].numpy() == pytest.approx([-1, 1, -1, 1, -1, 1], abs=CLOSE)
    # e² - 1 → 2 → (2 - 0.5) / 0.5 = 3; a negative price counts as 0
    assert one(layer, "price", [math.e**2 - 1, -8.0]) == pytest.approx([3.0, -1.0], abs=CLOSE)


def test_logit_transform(trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer) -> None:
    # logits 0 (four times), ± ln 99: mean 0, spread sqrt(2 / 6) ln 99, so that 0.99 → sqrt(3)
    assert trained["site_rate"].numpy() == pytest.approx([0, 3**0.5, -(3**0.5), 0, 0, 0], abs=CLOSE)
    # 0 and 1 count as 0.001 and 0.999, of logit ± ln 999: ± ln 999 / (ln 99 / sqrt(3)) = ± 2.6034
    extreme = math.log(999) / math.log(99) * 3**0.5
    assert one(layer, "site_rate", [0.0, 1.0]) == pytest.approx([-extreme, extreme], abs=1e-4)


def test_a_default_stands_for_missing_and_the_flag_stays(trained: dict[str, tf.Tensor]) -> None:
    # 0, 4, 0, 4: mean 2, spread 2 (the default is no observation); default 3 → 0.5
    assert trained["floor"].numpy() == pytest.approx([-1, 1, 0.5, -1, 0.5, 1], abs=CLOSE)
    assert trained["floor_missing"].numpy().tolist() == [0, 0, 1, 0, 1, 0]


def test_a_number_that_is_always_missing_says_nothing(
    trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer
) -> None:
    assert trained["never"].numpy().tolist() == [0.0] * 6
    assert trained["never_missing"].numpy().tolist() == [1.0] * 6
    assert one(layer, "never", [7.0, None]).tolist() == [0.0, 0.0]  # even where serving brings one


def test_a_number_that_never_varies_says_nothing(trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer) -> None:
    assert trained["same"].numpy().tolist() == [0.0] * 6
    assert one(layer, "same", [5.0]).tolist() == [0.0]


def test_quantile_buckets_start_at_one_and_zero_is_missing(
    trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer
) -> None:
    # two buckets of 10, 20, 30, 40: the cut is 30, which belongs to the upper one
    assert trained["age"].numpy().tolist() == [1, 1, 2, 2, 0, 0]
    assert one(layer, "age", [-1e9, 29.0, 31.0, 1e9, None]).tolist() == [1, 1, 2, 2, 0]


def test_a_buckets_default_falls_into_its_own_bucket(
    trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer
) -> None:
    assert trained["tenure"].numpy().tolist() == [1, 1, 2, 2, 2, 2]  # default 45: above the cut of 30
    assert one(layer, "tenure", [None, 15.0]).tolist() == [2, 1]


def test_buckets_of_a_column_that_is_always_missing(
    trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer
) -> None:
    assert trained["never_cut"].numpy().tolist() == [0] * 6
    new = one(layer, "never_cut", [7.0])
    assert 1 <= new[0] <= 10  # a row of the embedding table that it has


def test_rare_new_and_missing_values_have_a_row_each(
    trained: dict[str, tf.Tensor], layer: tf.keras.layers.Layer
) -> None:
    # south 3 times, north twice, east once, min_count 2: south 0, north 1; the size, 2, for rare, then new and missing
    assert trained["region"].numpy().tolist() == [1, 0, 0, 2, 1, 0]
    assert one(layer, "region", ["east", "mars", None, "south"]).tolist() == [2, 3, 4, 0]


def test_a_vocabulary_without_any_frequent_value(sample: Sample, trained: dict[str, tf.Tensor]) -> None:
    # five values once each with min_count 3: Transform writes one placeholder, and every value takes the row after it
    assert sample.output.vocabulary_size_by_name("vocabulary_campaign") == 1
    assert sample.output.vocabulary_size_by_name("seen_campaign") == 5
    assert trained["campaign"].numpy().tolist() == [1] * 5 + [3]  # the last cell is empty


def test_hashes_are_tensorflows_own(trained: dict[str, tf.Tensor]) -> None:
    pages = [page or "" for page in COLUMNS["page"]]
    assert trained["page"].numpy().tolist() == tf.strings.to_hash_bucket_fast(pages, 50).numpy().tolist()
    assert len(set(trained["page"].numpy().tolist())) == 4  # home, news, mail and the missing one


def test_words_lie_between_separators_and_the_empty_one_is_none(trained: dict[str, tf.Tensor]) -> None:
    cars, boats, tea = tf.strings.to_hash_bucket_fast(["cars", "boats", "tea"], 1000).numpy().tolist()
    words = tf.RaggedTensor.from_sparse(trained["topics"]).to_list()
    # the cells: cars|boats, cars, (empty), ||, boats||cars, tea
    assert words == [[cars, boats], [cars], [], [], [boats, cars], [tea]]


def test_hours_and_weekdays_go_round(trained: dict[str, tf.Tensor]) -> None:
    """1970-01-01 was a Thursday, three days after Monday's phase 0: an angle of 3/7 of a turn."""
    wave = {
        name: trained[f"shown_at_{name}"].numpy() for name in ("hour_sin", "hour_cos", "weekday_sin", "weekday_cos")
    }
    # 00:00, 06:00, Monday 00:00, missing, 12:00, 18:00: a quarter turn for each six hours
    assert wave["hour_sin"] == pytest.approx([0, 1, 0, 0, 0, -1], abs=CLOSE)
    assert wave["hour_cos"] == pytest.approx([1, 0, 1, 0, -1, 0], abs=CLOSE)
    thursday = 2 * math.pi * 3 / 7  # sine 0.43388, cosine -0.90097
    sine, cosine = math.sin(thursday), math.cos(thursday)
    assert wave["weekday_sin"] == pytest.approx([sine, sine, 0, 0, sine, sine], abs=CLOSE)
    assert wave["weekday_cos"] == pytest.approx([cosine, cosine, 1, 0, cosine, cosine], abs=CLOSE)


@pytest.mark.parametrize(
    ("seconds", "hour", "weekday"),
    [
        (-HOUR_S, 23, 2),  # Wednesday 1969-12-31, 23:00
        (1_700_000_000 // HOUR_S * HOUR_S, 22, 1),  # Tuesday 2023-11-14, 22:00
        (3 * DAY_S + 5 * HOUR_S, 5, 6),  # Sunday 1970-01-04, 05:00
    ],
)
def test_known_moments(layer: tf.keras.layers.Layer, seconds: int, hour: int, weekday: int) -> None:
    found = {name: float(value[0]) for name, value in layer(raw(shown_at=[seconds])).items() if "shown_at" in name}
    turn = 2 * math.pi
    assert found["shown_at_hour_sin"] == pytest.approx(math.sin(turn * hour / 24), abs=CLOSE)
    assert found["shown_at_hour_cos"] == pytest.approx(math.cos(turn * hour / 24), abs=CLOSE)
    assert found["shown_at_weekday_sin"] == pytest.approx(math.sin(turn * weekday / 7), abs=CLOSE)
    assert found["shown_at_weekday_cos"] == pytest.approx(math.cos(turn * weekday / 7), abs=CLOSE)


def test_numbers_are_those_the_transform_makes(trained: dict[str, tf.Tensor]) -> None:
    made = {name for name, value in trained.items() if value.dtype == tf.float32}
    assert set(dense_names(TABLE)) == made
    assert dense_names(TABLE)[:2] == ["bid", "bid_missing"]
    assert dense_names(TABLE)[-4:] == [
        "shown_at_hour_sin",
        "shown_at_hour_cos",
        "shown_at_weekday_sin",
        "shown_at_weekday_cos",
    ]
    assert all(np.isfinite(trained[name].numpy()).all() for name in made)
