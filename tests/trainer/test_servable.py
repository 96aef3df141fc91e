"""The exported model's signatures: every way in gives the same answer. (test_trainer_run.py saves and loads one.)"""

from __future__ import annotations

import io
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from PIL import Image
from transform_sample import COLUMNS, TABLE, Sample, examples, raw

from components.creative_gen.normalising import normalise_creatives
from components.creative_gen.store import Creative, CreativePixels
from configs.features import STRING_KINDS, FeatureTable, Timestamp
from configs.settings import Creatives, Model, Trainer
from trainer.calibration_bins import calibration_bins
from trainer.click_model import ClickModel
from trainer.dataset import load_rows
from trainer.fitting import CreativeEmbedder, predict_logits
from trainer.image_tower import ImageTower
from trainer.paired_effects import PairedEffect
from trainer.recipe import build, vocabulary_sizes
from trainer.servable import Servable, ServableCreatives
from trainer.signature_names import MISSING_INT64

PX = 16
KEYS = ("a.png", "b.png")
SHIFT = 0.3
NO_BINS = calibration_bins(*np.zeros((3, 0), np.float32))


class Exported(NamedTuple):
    """A servable beside the answers of the model it was made of."""

    servable: Servable
    """Owns the variables and tables that the signatures read."""
    signatures: dict[str, Any]
    images: dict[str, bytes]
    """Encoded, by key."""
    offline: npt.NDArray[np.float32]
    """Probabilities of the sample's six rows, from the transformed Examples and the creative store."""


def encode(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def built(sample: Sample, settings: Model, store: CreativePixels) -> tuple[ClickModel, CreativeEmbedder]:
    """Weights are random and large, so that no input goes unnoticed."""
    image = TABLE.image if settings.use_images else None
    rows = load_rows([str(sample.examples / "*.gz")], sample.output, TABLE, store)
    sizes = vocabulary_sizes(TABLE, sample.output)
    _, _, part = build(TABLE, settings, Trainer(), sizes, image, store, rows)
    # Six rows show no pair; served are all kinds of them.
    effects = [PairedEffect("region", "campaign", 1.0), PairedEffect("region", part.dense[0], 1.0)]
    if image is not None:
        effects += [PairedEffect(first, "", 1.0) for first in ("", "region", part.dense[0])]
    part = part._replace(effects=effects, creative_tells=True)
    model, embedder, _ = build(TABLE, settings, Trainer(), sizes, image, store, rows, part)
    predict_logits(model, embedder, rows)
    generator = np.random.default_rng(6)
    for layer in (model, *([embedder.tower] if embedder.tower else [])):
        for variable in layer.trainable_variables:
            variable.assign(generator.normal(0.0, 0.2, variable.shape))
    for variable in model.wide_variables(with_creative=embedder.tower is not None):
        variable.assign(generator.normal(0.0, 0.2, variable.shape))
    return model, embedder


@pytest.fixture(scope="module")
def exported(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """With images and two known creatives."""
    folder = tmp_path_factory.mktemp("exported")
    images = {key: encode(seed) for seed, key in enumerate(KEYS)}
    for key, encoded in images.items():
        (folder / key).write_bytes(encoded)
    outcomes = normalise_creatives([Creative(key, 1, "m.csv", 2) for key in KEYS], str(folder), Creatives(image_px=PX))
    store = CreativePixels(KEYS, np.stack([outcome.result for outcome in outcomes]))
    model, embedder = built(sample, Model(), store)
    assert embedder.tower is not None
    creatives = ServableCreatives(KEYS, embedder.all_embeddings(), embedder.tower, PX)
    servable = Servable(TABLE, sample.output, model, creatives, SHIFT, NO_BINS)
    rows = load_rows([str(sample.examples / "*.gz")], sample.output, TABLE, store)
    offline = 1 / (1 + np.exp(-(predict_logits(model, embedder, rows) + SHIFT)))
    return Exported(servable, servable.signatures(), images, offline)


def tensors(columns: dict[str, list[Any]]) -> dict[str, tf.Tensor]:
    """A tensor per input of `predict`; a missing value is "", NaN or the least int64."""
    rows = len(next(iter(columns.values())))
    inputs = {"creative_bytes": tf.constant([one or b"" for one in columns.get("creative_bytes", [b""] * rows)])}
    for feature in TABLE.model_inputs:
        values = columns.get(feature.name, [None] * rows)
        missing: Any = math.nan
        dtype = tf.float32
        if isinstance(feature, STRING_KINDS):
            missing, dtype = "", tf.string
        elif isinstance(feature, Timestamp):
            missing, dtype = MISSING_INT64, tf.int64
        inputs[feature.name] = tf.constant([missing if value is None else value for value in values], dtype)
    return inputs


def predict(exported: Exported, **columns: list[Any]) -> npt.NDArray[np.float32]:
    """Through the `predict` signature."""
    return predict_with_status(exported, **columns)[0]


def predict_with_status(exported: Exported, **columns: list[Any]) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Both outputs of the `predict` signature."""
    answer = exported.signatures["predict"](**tensors(columns))
    assert set(answer) == {"click_probability", "creative_status"}
    return answer["click_probability"].numpy(), [one.decode() for one in answer["creative_status"].numpy()]


def test_served_from_examples_equals_offline(exported: Exported) -> None:
    served = exported.signatures["serving_default"](examples=examples(COLUMNS))["click_probability"].numpy()
    assert served == pytest.approx(exported.offline, abs=1e-6)
    assert len(set(served.round(4))) == 6


def test_served_from_columns_equals_served_from_examples(exported: Exported) -> None:
    columns = {name: [*values, None] for name, values in COLUMNS.items()}  # the seventh row misses everything
    columns["creative_bytes"] = [None, None, encode(9), None, encode(10), exported.images["a.png"], None]
    served = exported.signatures["serving_default"](examples=examples(columns))["click_probability"].numpy()
    assert predict(exported, **columns) == pytest.approx(served, abs=1e-6)


def test_rare_missing_and_new_values_are_served_alike(exported: Exported) -> None:
    columns = {name: [values[0]] * 4 for name, values in COLUMNS.items()}
    columns["region"] = ["east", None, "mars", "south"]  # seen once, missing, never seen, in the vocabulary
    served = exported.signatures["serving_default"](examples=examples(columns))["click_probability"].numpy()
    found = predict(exported, **columns)
    assert found == pytest.approx(served, abs=1e-6)
    assert abs(found[0] - found[1]) > 1e-5
    assert abs(found[1] - found[2]) > 1e-5


@pytest.mark.parametrize("name", [feature.name for feature in TABLE.model_inputs])
def test_each_value_marked_missing_is_one_left_out(exported: Exported, name: str) -> None:
    full = {key: [values[0]] for key, values in COLUMNS.items()}
    full["never"], full["never_cut"] = [1.0], [1.0]
    without = {**full, name: [None]}
    served = exported.signatures["serving_default"](examples=examples(without))["click_probability"].numpy()
    found = predict(exported, **without)
    assert found == pytest.approx(served, abs=1e-6)
    assert abs(found[0] - predict(exported, **full)[0]) > 1e-5


def test_a_known_creative_equals_its_bytes_under_a_new_name(exported: Exported) -> None:
    found = predict(
        exported,
        creative=["a.png", "new.png", None, "b.png", "new.png"],
        creative_bytes=[None, exported.images["a.png"], exported.images["a.png"], None, exported.images["b.png"]],
    )
    assert found[1] == pytest.approx(found[0], abs=1e-6)
    assert found[2] == pytest.approx(found[0], abs=1e-6)  # bytes without any name
    assert found[4] == pytest.approx(found[3], abs=1e-6)
    assert abs(found[0] - found[3]) > 1e-4


def test_a_new_name_without_bytes_is_no_creative(exported: Exported) -> None:
    found = predict(exported, creative=["new.png", None, "a.png"])
    assert found[0] == found[1]
    assert abs(found[0] - found[2]) > 1e-4


def bad_images() -> dict[str, bytes]:
    """What a request may bring in an image's place."""
    whole = encode(11)
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)).save(jpeg, "JPEG")
    wrong_sum = whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:]
    huge = whole[:16] + (5001).to_bytes(4, "big") + (5000).to_bytes(4, "big") + whole[24:]
    return {
        "no image": b"broken",
        "one byte": b"\x89",
        "cut PNG": whole[:-400],
        "cut JPEG": jpeg.getvalue()[:600],
        "flipped bit in a PNG": wrong_sum,
        "WebP": b"RIFF\x24\0\0\0WEBPVP8 ",
        "more than 25 megapixels": huge,
        "GIF without a frame": b"GIF89a\1\0\1\0\0\0\0;",
        "BMP of one bit a pixel": b"BM" + b"\0" * 12 + b"\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\1" + b"\0" * 60,
    }


@pytest.mark.parametrize("signature", ["predict", "serving_default"])
def test_an_unusable_image_costs_its_own_row_the_creative_and_no_other_anything(
    exported: Exported, signature: str
) -> None:
    bad = bad_images()
    images = [encode(9), *bad.values(), encode(10)]
    columns: dict[str, list[Any]] = {
        "creative": ["new.png"] * len(images),
        "creative_bytes": images,
        "bid": [float(number) for number in range(len(images))],
    }
    good = {name: [values[0], values[-1]] for name, values in columns.items()}
    without = {**columns, "creative_bytes": [None] * len(images)}

    def asked(some: dict[str, list[Any]]) -> npt.NDArray[np.float32]:
        if signature == "predict":
            return predict(exported, **some)
        return exported.signatures[signature](examples=examples(some))["click_probability"].numpy()  # type: ignore[no-any-return]  # TensorFlow ships no types

    found = asked(columns)
    assert found[1:-1] == pytest.approx(asked(without)[1:-1], abs=1e-6), list(bad)
    assert found[[0, -1]] == pytest.approx(asked(good), abs=1e-6)
    assert np.abs(found - asked(without))[[0, -1]].min() > 1e-4


def test_each_row_tells_what_became_of_its_creative(exported: Exported) -> None:
    rows = [
        ("a.png", None, "known"),
        ("a.png", b"broken", "known"),
        ("new.png", encode(9), "image"),
        (None, encode(9), "image"),
        ("new.png", b"broken", "unreadable"),
        (None, b"broken", "unreadable"),
        ("new.png", None, "unknown"),
        (None, None, "unknown"),
    ]
    keys, images, expected = (list(column) for column in zip(*rows, strict=True))
    found, status = predict_with_status(exported, creative=keys, creative_bytes=images)
    assert status == expected
    # Alike but for a rounding that depends on a row's place in the batch.
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[2] == pytest.approx(found[3], abs=1e-6)
    assert found[4:] == pytest.approx(np.full(len(found) - 4, found[4]), abs=1e-6)
    _, without_new = predict_with_status(exported, creative=keys[6:] + keys[:2], creative_bytes=images[6:] + images[:2])
    assert without_new == ["unknown", "unknown", "known", "known"]


def test_only_unusable_images_are_an_answer_too(exported: Exported) -> None:
    found, status = predict_with_status(exported, creative=["x", None], creative_bytes=[b"broken", b"broken"])
    assert status == ["unreadable", "unreadable"]
    assert found.tolist() == predict(exported, creative=[None, None]).tolist()


def test_a_row_answers_the_same_alone_and_in_company(exported: Exported) -> None:
    together = predict(exported, **COLUMNS)
    alone = [predict(exported, **{name: [values[row]] for name, values in COLUMNS.items()})[0] for row in range(6)]
    assert together == pytest.approx(alone, abs=1e-6)


def test_no_row_is_an_answer_too(exported: Exported) -> None:
    nothing = {name: value[:0] for name, value in tensors(COLUMNS).items()}
    assert exported.signatures["predict"](**nothing)["click_probability"].shape == (0,)


def test_transform_features_hands_out_the_models_inputs(exported: Exported, sample: Sample) -> None:
    found = exported.signatures["transform_features"](examples=examples(COLUMNS))
    expected = sample.output.transform_features_layer()(raw(**COLUMNS))
    assert set(found) == set(expected)
    for name, value in expected.items():
        dense = tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
        assert found[name].numpy().tolist() == dense.numpy().tolist(), name


def test_other_columns_of_an_example_are_ignored(exported: Exported) -> None:
    more = {**COLUMNS, "surplus": [1.0] * 6, "creative_width": [300] * 6}
    less = {name: values for name, values in COLUMNS.items() if name not in ("click", "importance", "user")}
    asked = [exported.signatures["serving_default"](examples=examples(one)) for one in (more, less)]
    assert asked[0]["click_probability"].numpy().tolist() == asked[1]["click_probability"].numpy().tolist()


def test_an_example_must_carry_numbers_as_the_feature_has_them(exported: Exported) -> None:
    """As the docs say: the parser takes no integer for a float."""
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"bid.*Data types don't match"):
        exported.signatures["serving_default"](examples=examples({"bid": [1]}))


def test_without_images_neither_name_nor_bytes_are_asked_for(sample: Sample) -> None:
    store = CreativePixels((), np.zeros((0, PX, PX, 3), np.uint8))
    model, _ = built(sample, Model(use_images=False), store)
    servable = Servable(TABLE, sample.output, model, None, 0.0, NO_BINS)
    signatures = servable.signatures()
    inputs = tensors(COLUMNS)
    assert set(signatures["predict"].structured_input_signature[1]) == set(inputs) - {"creative", "creative_bytes"}
    columns = {name: value for name, value in inputs.items() if name not in ("creative", "creative_bytes")}
    served = signatures["serving_default"](examples=examples(COLUMNS))["click_probability"].numpy()
    assert signatures["predict"](**columns)["click_probability"].numpy() == pytest.approx(served, abs=1e-6)


def test_a_hashed_feature_asks_for_the_hash_by_name_and_takes_it_as_the_column(sample: Sample) -> None:
    entries = [{**entry, "pii": "hash"} if entry["name"] == "page" else entry for entry in TABLE.model_dump()]
    store = CreativePixels((), np.zeros((0, PX, PX, 3), np.uint8))
    model, _ = built(sample, Model(use_images=False), store)
    servable = Servable(FeatureTable.model_validate(entries), sample.output, model, None, 0.0, NO_BINS)
    signatures = servable.signatures()
    columns = {name: value for name, value in tensors(COLUMNS).items() if name not in ("creative", "creative_bytes")}
    columns["page_hashed"] = columns.pop("page")
    assert set(signatures["predict"].structured_input_signature[1]) == set(columns)
    served = signatures["serving_default"](examples=examples(COLUMNS))["click_probability"].numpy()
    assert signatures["predict"](**columns)["click_probability"].numpy() == pytest.approx(served, abs=1e-6)


def test_with_an_empty_store_a_row_without_a_creative_has_none() -> None:
    """The one stand-in row of an empty store has the empty key; training knew no creative in such rows."""
    tower = ImageTower(3, Model().image_tower, 0.0, seed=1)
    embedder = CreativeEmbedder(tower, np.zeros((0, PX, PX, 3), np.uint8))
    creatives = ServableCreatives(("",), embedder.all_embeddings(), tower, PX)
    keys, encoded = tf.constant(["", "new.png", ""]), tf.constant([b"", b"", encode(9)])
    trained = embedder(tf.constant([-1, -1], tf.int64), training=False).numpy()
    found = creatives(keys, encoded)[0].numpy()
    assert found[:2].tolist() == trained.tolist() == [[0.0] * (3 + tower.features + 1)] * 2
    assert found[2, -1] == 1.0
