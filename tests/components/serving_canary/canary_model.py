"""A small real SavedModel with the pipeline's signatures, and faults that a canary has to see."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from configs.features import FeatureTable

TABLE = FeatureTable.model_validate(
    [
        {"name": "who", "kind": "key", "pii": "hash"},
        {"name": "site", "kind": "categorical", "required": True},
        {"name": "town", "kind": "categorical", "pii": "hash"},
        {"name": "bid", "kind": "numeric"},
        {"name": "at", "kind": "timestamp"},
        {"name": "creative", "kind": "image"},
        {"name": "clicked", "kind": "label"},
    ]
)
MISSING_INT64 = -(2**63)


def row(site: str = "news", creative: str | None = None, **numbers: float) -> tf.train.Example:
    """A tf.Example as AdExampleGen leaves it: personal values are hashes, missing ones are absent."""
    example = tf.train.Example()
    features = example.features.feature
    for name, text in (("who", "hash-of-ann"), ("site", site), ("town", "hash-of-york"), ("creative", creative)):
        if text is not None:
            features[name].bytes_list.value.append(text.encode())
    for name, value in numbers.items():
        values = features[name].int64_list if name in ("at", "clicked") else features[name].float_list
        values.value.append(value)
    return example


def probability(site: str, bid: float | None, creative_bytes: int = 0) -> float:
    """Sigmoid of 0.1 * len(site) + bid + 0.001 * bytes; a missing bid counts as -1."""
    logit = 0.1 * len(site) + (-1.0 if bid is None else bid) + 0.001 * creative_bytes
    return 1 / (1 + math.exp(-logit))


def export(folder: Path, scale: float = 1.0, default_shift: float = 0.0) -> Path:
    """`scale` multiplies all probabilities; `default_shift` is added to those of serving_default alone."""

    class Model(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(scale, dtype=tf.float32)

    model = Model()

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64, name="at"),
            tf.TensorSpec([None], tf.float32, name="bid"),
            tf.TensorSpec([None], tf.string, name="creative"),
            tf.TensorSpec([None], tf.string, name="creative_bytes"),
            tf.TensorSpec([None], tf.string, name="site"),
            tf.TensorSpec([None], tf.string, name="town_hashed"),
        ]
    )
    def predict(at, bid, creative, creative_bytes, site, town_hashed):  # type: ignore[no-untyped-def]
        del at, creative, town_hashed
        logit = 0.1 * tf.cast(tf.strings.length(site), tf.float32) + tf.where(tf.math.is_nan(bid), -1.0, bid)
        logit += 0.001 * tf.cast(tf.strings.length(creative_bytes), tf.float32)
        return {"click_probability": model.scale * tf.sigmoid(logit)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples):  # type: ignore[no-untyped-def]
        texts = {
            name: tf.io.FixedLenFeature([], tf.string, "") for name in ("creative", "creative_bytes", "site", "town")
        }
        spec = {
            "at": tf.io.FixedLenFeature([], tf.int64, MISSING_INT64),
            "bid": tf.io.FixedLenFeature([], tf.float32, np.nan),
            **texts,
        }
        parsed = tf.io.parse_example(examples, spec)
        parsed["town_hashed"] = parsed.pop("town")
        return {"click_probability": predict(**parsed)["click_probability"] + default_shift}

    tf.saved_model.save(model, str(folder), signatures={"serving_default": serving_default, "predict": predict})
    return folder
