"""A small real SavedModel with the pipeline's signatures, whose predictions a test can compute by hand."""

from __future__ import annotations

import math
from pathlib import Path

MISSING_INT64 = -(2**63)


def probability(
    version: int, bid: float = math.nan, site: str = "", hour: int = MISSING_INT64, image_bytes: bytes = b""
) -> float:
    """Sigmoid of 0.1 * version + bid + 0.1 * len(site) + 0.01 * hour + 0.001 * len(image_bytes).

    A missing bid counts as -1, a missing hour as 0.
    """
    logit = 0.1 * version + (-1.0 if math.isnan(bid) else bid) + 0.1 * len(site)
    logit += (0 if hour == MISSING_INT64 else 0.01 * hour) + 0.001 * len(image_bytes)
    return 1 / (1 + math.exp(-logit))


def export_click_model(base_path: Path, version: int) -> Path:
    """Writes version `version` below `base_path` and returns its folder."""
    import tensorflow as tf

    class ClickModel(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
        def __init__(self) -> None:
            super().__init__()
            self.bias = tf.Variable(0.1 * version, dtype=tf.float32)
            self.weights = tf.Variable(tf.ones([64, 64]) / 64)

    model = ClickModel()
    strings = tf.TensorSpec([None], tf.string)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="bid"),
            tf.TensorSpec([None], tf.int64, name="hour"),
            tf.TensorSpec([None], tf.string, name="image_path"),
            tf.TensorSpec([None], tf.string, name="image_path_bytes"),
            tf.TensorSpec([None], tf.string, name="site"),
        ]
    )
    def predict(bid, hour, image_path, image_path_bytes, site):  # type: ignore[no-untyped-def]
        del image_path  # a key of known creatives: this model knows none
        logit = model.bias + tf.where(tf.math.is_nan(bid), -1.0, bid)
        logit += 0.1 * tf.cast(tf.strings.length(site), tf.float32)
        logit += tf.where(tf.equal(hour, MISSING_INT64), 0.0, 0.01 * tf.cast(hour, tf.float32))
        logit += 0.001 * tf.cast(tf.strings.length(image_path_bytes), tf.float32)
        return {"click_probability": tf.sigmoid(logit)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples):  # type: ignore[no-untyped-def]
        spec = {
            "bid": tf.io.FixedLenFeature([], tf.float32, math.nan),
            "hour": tf.io.FixedLenFeature([], tf.int64, MISSING_INT64),
            "image_path": tf.io.FixedLenFeature([], tf.string, ""),
            "image_path_bytes": tf.io.FixedLenFeature([], tf.string, ""),
            "site": tf.io.FixedLenFeature([], tf.string, ""),
        }
        return predict(**tf.io.parse_example(examples, spec))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="x"), strings])
    def wide(x, text):  # type: ignore[no-untyped-def]
        return {"doubled": 2.0 * x, "text_bytes": text, "length": tf.strings.length(text)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="rounds")])
    def slow(rounds):  # type: ignore[no-untyped-def]
        total = tf.ones([64, 64])
        for _ in tf.range(tf.reduce_max(rounds)):
            total = tf.matmul(total, model.weights)
        return {"total": total[:1, 0] * tf.ones_like(rounds, tf.float32)}

    folder = base_path / str(version)
    tf.saved_model.save(
        model,
        str(folder),
        signatures={"serving_default": serving_default, "predict": predict, "wide": wide, "slow": slow},
    )
    return folder
