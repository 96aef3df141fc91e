"""Importance through a real SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.run_report.model_importance import model_importance
from configs.features import FeatureTable

TABLE = FeatureTable.model_validate(
    [
        {"name": "price", "kind": "numeric"},
        {"name": "country", "kind": "categorical", "pii": "hash"},
        {"name": "image", "kind": "image"},
        {"name": "when", "kind": "timestamp", "format": "unix_s", "derive": []},
        {"name": "clicked", "kind": "label"},
    ]
)
ROWS: list[dict[str, Any]] = [
    {"price": 0.1, "country": "DE", "image": "a.png", "when": 1_768_580_000, "clicked": 0},
    {"price": 0.9, "country": "é", "image": "b.png", "clicked": 1},
    {"country": "FR", "clicked": 0},
]


def example(row: dict[str, Any]) -> bytes:
    found = tf.train.Example()
    for name, value in row.items():
        feature = found.features.feature[name]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return bytes(found.SerializeToString())


@pytest.fixture
def split(tmp_path: Path) -> str:
    folder = tmp_path / "Split-eval"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "data-0.gz"), "GZIP") as writer:
        for row in ROWS * 40:
            writer.write(example(row))
    return str(folder)


class PriceModel(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """The price is the probability, 0.2 where it is missing; nothing else counts."""

    @tf.function
    def predict(self, price: Any, country_hashed: Any, image: Any, image_bytes: Any) -> dict[str, Any]:
        del country_hashed, image, image_bytes
        return {"click_probability": tf.where(tf.math.is_nan(price), 0.2, price)}


def test_importance_goes_through_the_models_own_signature(split: str, tmp_path: Path) -> None:
    """The price alone ranks the rows: AUC 1, and one half when it is shuffled."""
    model = PriceModel()
    strings = tf.TensorSpec([None], tf.string)
    names = [TABLE["country"].request_name, "image", "image_bytes"]
    signature = model.predict.get_concrete_function(
        tf.TensorSpec([None], tf.float32, "price"),
        *(tf.TensorSpec(strings.shape, strings.dtype, name) for name in names),
    )
    tf.saved_model.save(model, str(tmp_path / "model"), signatures={"predict": signature})
    scores = {"label": np.array([0.0, 1.0, 0.0] * 40)}
    found = model_importance(str(tmp_path / "model"), [split], TABLE, scores)
    assert found is not None
    drops = {one["feature"]: one["auc_drop"] for one in found}
    assert list(drops) == ["price", "country", "image"]  # the table's order
    assert drops["price"] == pytest.approx(0.5, abs=0.1)
    assert (drops["country"], drops["image"]) == (0.0, 0.0)


def test_a_model_without_the_signature_has_no_importance(split: str, tmp_path: Path) -> None:
    model = tf.Module()
    tf.saved_model.save(model, str(tmp_path / "model"))
    assert model_importance(str(tmp_path / "model"), [split], TABLE, {"label": np.zeros(120)}) is None
