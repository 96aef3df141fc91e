"""How often a value comes, beside its own weight: values that come seldom often differ from the others together.

A value's weight is held to the typical value's, and few rows hardly move it. Where the values that come seldom are
clicked less throughout, or more, each of them shows that with too few rows, and all of them together show it clearly:
in a slope on the logarithm of their rows, one for each feature. Weights and slopes are fitted at once. In the model a
value's weight has its slope within, so that serving knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainer.click_model import EmbeddedFeature
from trainer.dataset import Rows
from trainer.effect_columns import FloatArray, NumberColumns
from trainer.plain_effects import Block

LEAST_VALUES = 30
"""Of fewer a feature's own weights tell all that a slope could."""
LEAST_SPREAD = 0.1
"""Of the logarithm over the rows; values that come about equally often do not differ by it."""


def popularities(rows: Rows, embedded: Sequence[EmbeddedFeature]) -> dict[str, FloatArray]:
    """Logarithm of each value's rows, in standard deviations from its mean over the rows; [values] by feature.

    Rare, new and missing ones have 0: the first are many in one place, and the others no values. Words, and features of
    few or of about equally frequent values, have none.
    """
    found = {}
    for one in embedded:
        ids = rows.inputs[one.name]
        if isinstance(ids, tf.RaggedTensor):
            continue
        counts = np.bincount(ids.numpy(), rows.weight, one.size)
        known = counts > 0.0
        if one.of_vocabulary:
            known[-3:] = False
        if known.sum() < LEAST_VALUES:
            continue
        logs, share = np.log(counts[known]), counts[known] / counts[known].sum()
        away = logs - share @ logs
        spread = float(np.sqrt(share @ np.square(away)))
        if spread >= LEAST_SPREAD:
            found[one.name] = np.zeros(one.size)
            found[one.name][known] = away / spread
    return found


def popularity_block(rows: Rows, popularity: Mapping[str, FloatArray], prior: float) -> Block:
    """The slopes' columns, [rows, features of `popularity`]."""
    columns = [values[rows.inputs[name].numpy()] for name, values in popularity.items()]
    return Block(NumberColumns(np.stack(columns, -1)), prior)
