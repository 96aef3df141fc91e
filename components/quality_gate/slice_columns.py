"""The raw columns that slices are cut by, from the Examples that were scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.scoring import example_batches
from configs.features import FLOAT_KINDS, INT_KINDS, FeatureTable

MISSING_TIME = -1


def slice_columns(
    split_uris: Sequence[str], specs: Iterable[Sequence[str]], table: FeatureTable
) -> dict[str, npt.NDArray[Any]]:
    """Values by name, each [rows] in file order: bytes, float32 or int64; a missing one is empty, NaN or −1."""
    import tensorflow as tf

    empty: dict[str, npt.NDArray[Any]] = {}
    spec = {}
    for name in sorted({column for columns in specs for column in columns}):
        if isinstance(table[name], FLOAT_KINDS):
            spec[name], empty[name] = tf.io.VarLenFeature(tf.float32), np.array([np.nan], np.float32)
        elif isinstance(table[name], INT_KINDS):
            spec[name], empty[name] = tf.io.VarLenFeature(tf.int64), np.array([MISSING_TIME], np.int64)
        else:
            spec[name], empty[name] = tf.io.VarLenFeature(tf.string), np.array([b""], object)
    if not spec:
        return {}
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in spec}
    for uri in split_uris:
        for examples in example_batches(uri):
            for name, found in tf.io.parse_example(examples, spec).items():
                values = np.repeat(empty[name], int(examples.shape[0]))
                values[found.indices.numpy()[:, 0]] = found.values.numpy()
                parts[name].append(values)
    return {name: np.concatenate(found) for name, found in parts.items()}
