"""Scores the evaluation rows with an exported model, through the signature that TF Serving uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

BATCH = 4096


def example_batches(split_uri: str) -> tf.data.Dataset:
    """Serialized Examples of a split in file order, string [batch]."""
    files = sorted(tf.io.gfile.glob(f"{split_uri}/*"))
    return tf.data.TFRecordDataset(files, compression_type="GZIP").batch(BATCH)


def score(saved_model: str, split_uris: Sequence[str]) -> npt.NDArray[np.float64]:
    """Click probability of each row, [rows]."""
    model = tf.saved_model.load(saved_model)
    predict = model.signatures["serving_default"]
    parts = [
        predict(examples=examples)["click_probability"].numpy()
        for uri in split_uris
        for examples in example_batches(uri)
    ]
    return np.asarray(np.concatenate(parts), np.float64)


def read_column(split_uris: Sequence[str], name: str, dtype: tf.DType, default: object) -> npt.NDArray[np.generic]:
    """One raw column of the Examples, [rows]."""
    spec = {name: tf.io.FixedLenFeature([], dtype, default_value=default)}
    parts = [
        tf.io.parse_example(examples, spec)[name].numpy() for uri in split_uris for examples in example_batches(uri)
    ]
    return np.concatenate(parts)
