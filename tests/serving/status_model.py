"""A small real SavedModel that flags creatives, and that refuses a whole request for one poisoned row."""

from __future__ import annotations

from pathlib import Path

POISON = "poison"


def export_status_model(base_path: Path, version: int) -> Path:
    """`click_probability` is sigmoid(bid), `creative_status` follows path and bytes; a site POISON fails its request.

    Path `known.png` is known; bytes that begin with `bad` are unreadable, other bytes are an image.
    """
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="bid"),
            tf.TensorSpec([None], tf.string, name="image_path"),
            tf.TensorSpec([None], tf.string, name="image_path_bytes"),
            tf.TensorSpec([None], tf.string, name="site"),
        ]
    )
    def predict(bid, image_path, image_path_bytes, site):  # type: ignore[no-untyped-def]
        sound = tf.debugging.Assert(tf.reduce_all(site != POISON), ["poisoned row"])
        by_bytes = tf.where(tf.strings.regex_full_match(image_path_bytes, "bad.*"), "unreadable", "image")
        status = tf.where(image_path_bytes == "", "unknown", by_bytes)
        with tf.control_dependencies([sound]):
            bid = tf.where(tf.math.is_nan(bid), 0.0, bid)
        return {
            "click_probability": tf.sigmoid(bid),
            "creative_status": tf.where(image_path == "known.png", "known", status),
        }

    folder = base_path / str(version)
    tf.saved_model.save(tf.Module(), str(folder), signatures={"predict": predict, "serving_default": predict})
    return folder
