"""Transformed Examples and the creative store as tensors in memory, ready to be cut into batches.

One month of columns fits in memory many times over (a million rows of twenty features: 80 MB); pixels are held once per
creative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft

from components.creative_gen.store import CreativePixels
from configs.features import FeatureTable, Text
from trainer.preprocessing import dense_names

PARSE_BATCH = 8192


class Rows(NamedTuple):
    """Training rows. Every tensor has the rows as its first dimension."""

    inputs: dict[str, tf.Tensor]
    """Dense numbers float32 [rows], ids int64 [rows], words ragged int64 [rows, (words)]."""
    creative: npt.NDArray[np.int64]
    """Index into the creative store, -1 where the row has no stored creative. [rows]"""
    label: npt.NDArray[np.float32]
    """[rows]"""
    weight: npt.NDArray[np.float32]
    """[rows]"""

    def __len__(self) -> int:
        return len(self.label)

    def taken(self, index: npt.NDArray[np.int64]) -> Rows:
        """The rows of `index`, in its order."""
        inputs = {name: tf.gather(column, index) for name, column in self.inputs.items()}
        return Rows(inputs, self.creative[index], self.label[index], self.weight[index])


def load_rows(
    file_patterns: Sequence[str],
    transform_output: tft.TFTransformOutput,
    table: FeatureTable,
    store: CreativePixels,
) -> Rows:
    """Reads transformed Examples, in file order, so that the same files give the same rows."""
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    spec = transform_output.transformed_feature_spec()
    batches = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(PARSE_BATCH)
    parsed = list(
        batches.map(lambda examples: tf.io.parse_example(examples, spec), num_parallel_calls=2, deterministic=True)
    )
    words = {feature.name for feature in table.of_kind(Text)}
    inputs = {}
    for name in spec:
        columns = [batch[name] for batch in parsed]
        if name in words:
            inputs[name] = tf.concat([tf.RaggedTensor.from_sparse(column) for column in columns], 0)
        else:
            inputs[name] = tf.concat(columns, 0)
    label = inputs.pop(table.label.name).numpy().astype(np.float32)
    weight = np.ones_like(label) if table.weight is None else inputs.pop(table.weight.name).numpy().astype(np.float32)
    creative = np.full(len(label), -1, np.int64)
    if table.image is not None:
        index = {key.encode(): position for position, key in enumerate(store.keys)}
        keys = inputs.pop(table.image.name).numpy()
        creative = np.fromiter((index.get(key, -1) for key in keys), np.int64, len(keys))
    kept = {*dense_names(table), *(name for name in inputs if inputs[name].dtype == tf.int64)}
    return Rows({name: value for name, value in inputs.items() if name in kept}, creative, label, weight)
