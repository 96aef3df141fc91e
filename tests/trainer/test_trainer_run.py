"""The whole training as TFX calls it, on the sample's six rows."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config as framework_config  # only here can determinism be switched off again
from transform_sample import COLUMNS, TABLE, Sample, examples

from components.creative_gen.store import Creative, Outcome, write_store
from configs.settings import Model, Trainer
from trainer.run import run_fn
from trainer.signature_names import MISSING_INT64

NUMBERS = ("bid", "price", "site_rate", "floor", "never", "same", "age", "tenure", "never_cut")
STRINGS = ("region", "campaign", "page", "topics", "creative", "creative_bytes")


def inputs(signature: Any) -> dict[str, tf.DType]:
    """Type of each input of a loaded signature, all of them one value per row."""
    specs = signature.structured_input_signature[1]
    assert all(spec.shape.as_list() == [None] for spec in specs.values())
    return {name: spec.dtype for name, spec in specs.items()}


def columns_of(columns: dict[str, list[Any]]) -> dict[str, tf.Tensor]:
    """A tensor for each input of `predict`, with its mark where a value is missing."""
    named = {**columns, "creative_bytes": [None] * len(columns["creative"])}
    marks = {
        **dict.fromkeys(NUMBERS, (float("nan"), tf.float32)),
        **dict.fromkeys(STRINGS, ("", tf.string)),
        "shown_at": (MISSING_INT64, tf.int64),
    }
    return {
        name: tf.constant([mark if value is None else value for value in named[name]], kind)
        for name, (mark, kind) in marks.items()
    }


@pytest.mark.parametrize("kept_share", [1.0, 0.25])
def test_training_leaves_a_calibrated_model_and_its_record(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], kept_share: float
) -> None:
    """With a quarter of the negatives kept, every signature speaks of all of them."""
    pixels = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)
    stored = [Outcome(Creative(key, 1, "m.csv", 2), one) for key, one in zip(("a.png", "b.png"), pixels, strict=True)]
    write_store(str(tmp_path / "store"), stored, 16)
    config = {
        "features": TABLE.model_dump_json(),
        "model": Model().model_dump_json(),
        "trainer": Trainer(epochs=5, min_steps=0, stopping_share=0.0).model_dump_json(),
        "image_px": 16,
        "negative_sampling_rate": kept_share,
        "creative_store": str(tmp_path / "store"),
    }
    try:
        run_fn(
            SimpleNamespace(
                custom_config=config,
                transform_output=str(sample.transform),
                hyperparameters={"space": [], "values": {"trainer.epochs": 2, "model.deep_units": "[4]"}},
                train_files=[str(sample.examples / "*.gz")],
                eval_files=[str(sample.examples / "part-1.gz")],
                serving_model_dir=str(tmp_path / "model"),
                model_run_dir=str(tmp_path / "run"),
            )
        )
    finally:
        framework_config.disable_op_determinism()
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["rows"] == 6
    assert record["tuned"] == {"trainer.epochs": 2, "model.deep_units": [4]}  # they go before the settings' 5 and [32]
    assert [epoch["epoch"] for epoch in record["curve"]] == [1, 2]
    assert "epoch 2/2: log loss " in capsys.readouterr().out
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    assert {name: inputs(function) for name, function in loaded.signatures.items()} == {
        "serving_default": {"examples": tf.string},
        "transform_features": {"examples": tf.string},
        "calibration": {},
        "predict": {  # neither label, weight nor key
            **dict.fromkeys(NUMBERS, tf.float32),
            **dict.fromkeys(STRINGS, tf.string),
            "shown_at": tf.int64,
        },
    }
    served = loaded.signatures["serving_default"]
    named, unnamed = ({"creative": [key]} for key in ("a.png", "lost.png"))
    answers = [served(examples=examples(one))["click_probability"].numpy()[0] for one in (named, unnamed)]
    assert abs(answers[0] - answers[1]) > 1e-6  # the store's embeddings went along
    served_probability = served(examples=examples(COLUMNS))["click_probability"].numpy()
    asked = loaded.signatures["predict"](**columns_of(COLUMNS))["click_probability"].numpy()
    assert asked == pytest.approx(served_probability, abs=1e-6)
    odds = served_probability / (1 - served_probability) / kept_share
    probability = odds / (1 + odds)  # of the rows as they were sampled
    # clicks 1 and 4 weigh 2 and 1: predicted clicks, weighed likewise (2, 1, 0.5, 1, 1, 1), add up to 3
    assert float(np.sum(probability * [2.0, 1.0, 0.5, 1.0, 1.0, 1.0])) == pytest.approx(3.0, abs=1e-4)
    bins = {name: value.numpy().tolist() for name, value in loaded.signatures["calibration"]().items()}
    # of the three rows for evaluation one is clicked, each weighs 1; with a quarter kept it is 1 in 9, as sure as of
    # 0.25 · 9² / 3 = 6.75 impressions
    impressions = {1.0: 3.0, 0.25: 6.75}[kept_share]
    assert bins == {
        "score_upper_bounds": [],
        "impressions": [impressions],
        "clicks": [pytest.approx(impressions / (3.0 if kept_share == 1.0 else 9.0))],
    }
    assert record["sampling_shift"] == pytest.approx(np.log(kept_share))
