"""A small real SavedModel with the signatures that the gateway asks for, and the feature table that goes with it."""

from __future__ import annotations

import math
from pathlib import Path

SETTINGS = """
evaluation: {slices: [], truth: null}
features:
  - {name: impression_id, kind: key, required: true}
  - {name: timestamp, kind: timestamp, required: true}
  - {name: user_id, kind: key}
  - {name: email, kind: categorical, pii: hash}
  - {name: phone, kind: categorical, pii: drop}
  - {name: age, kind: numeric, minimum: 0, maximum: 130}
  - {name: bid, kind: numeric, minimum: 0}
  - {name: site, kind: categorical, required: true}
  - {name: note, kind: ignore}
  - {name: image, kind: image}
  - {name: clicked, kind: label}
"""
BOUNDS, IMPRESSIONS, CLICKS = [0.3, 0.6], [1000.0, 400.0, 0.0], [100.0, 200.0, 0.0]
"""The calibration: three bins, the last one without a row."""
UNDECODABLE = b"CORRUPT"
"""The model fails on image bytes that end so, as it does on pixels that do not decode."""


def probability(version: int, bid: float = math.nan, site: str = "", image_bytes: bytes = b"") -> float:
    """Sigmoid of 0.1 * version + bid - 2 + 0.1 * len(site) + 0.001 * len(image_bytes); a missing bid counts as 0."""
    logit = 0.1 * version + (0 if math.isnan(bid) else bid) - 2 + 0.1 * len(site) + 0.001 * len(image_bytes)
    return 1 / (1 + math.exp(-logit))


def export_gateway_model(base_path: Path, version: int, calibrated: bool = True) -> Path:
    """Writes version `version` below `base_path` and returns its folder."""
    import tensorflow as tf

    model = tf.Module()
    model.bias = tf.Variable(0.1 * version - 2.0, dtype=tf.float32)
    strings = {name: tf.TensorSpec([None], tf.string, name=name) for name in ("email_hashed", "site", "image")}

    def predict(timestamp, email_hashed, age, bid, site, image, image_bytes):  # type: ignore[no-untyped-def]
        del timestamp, email_hashed, age
        broken = tf.not_equal(tf.strings.regex_replace(image_bytes, UNDECODABLE + b"$", b""), image_bytes)
        with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(broken), ["undecodable"])]):
            logit = model.bias + tf.where(tf.math.is_nan(bid), 0.0, bid)
        logit += 0.1 * tf.cast(tf.strings.length(site), tf.float32)
        logit += 0.001 * tf.cast(tf.strings.length(image_bytes), tf.float32)
        new = tf.where(tf.strings.length(image_bytes) > 0, "image", "unknown")
        return {
            "click_probability": tf.sigmoid(logit),
            "creative_status": tf.where(tf.equal(image, "images/known.jpg"), "known", new),
        }

    def calibration():  # type: ignore[no-untyped-def]
        return {
            "score_upper_bounds": tf.constant(BOUNDS, tf.float32),
            "impressions": tf.constant(IMPRESSIONS, tf.float32),
            "clicks": tf.constant(CLICKS, tf.float32),
        }

    signatures = {
        "predict": tf.function(
            predict,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None], tf.int64, name="timestamp"),
                strings["email_hashed"],
                tf.TensorSpec([None], tf.float32, name="age"),
                tf.TensorSpec([None], tf.float32, name="bid"),
                strings["site"],
                strings["image"],
                tf.TensorSpec([None], tf.string, name="image_bytes"),
            ],
        )
    }
    if calibrated:
        signatures["calibration"] = tf.function(calibration, autograph=False, input_signature=[])
    folder = base_path / str(version)
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return folder
