"""What the model makes of a value that training has never seen: a typical impression's.

A new campaign, creative or user has no row of its own. Before, it shared that of the rare values, which are no sample
of the new ones: what is shown rarely is often so because it is clicked little. Here each table's row for new values is
the mean over the training rows, and a weight beside makes the expected clicks of these rows, as if all their values
were new, equal to those with the values known. So a value costs nothing by being new, and the other columns decide. A
missing cell of a column that was never empty in training is as unknown, and is settled likewise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from trainer.calibration import calibrating_shift
from trainer.click_model import ClickModel, EmbeddedFeature
from trainer.dataset import Rows
from trainer.fitting import CreativeEmbedder

MAX_ROWS = 20_000
"""That are looked at; their own clicks do not matter, only what the model expects of them."""


def settle_new_values(model: ClickModel, embedder: CreativeEmbedder, rows: Rows, shift: float, seed: int) -> None:
    """Sets the rows for new values and missing cells of a fitted model's tables, where no training row has taught them.

    `shift`: what is added to its logits.
    """
    shares = {one.name: _share(rows, one) for one in model.embedded if one.of_vocabulary}
    untaught = [
        (one, place)
        for one in model.embedded
        for place in one.places_unseen
        if shares[one.name].any() and shares[one.name][place] == 0.0
    ]
    if not untaught:
        return
    for one, place in untaught:
        share = shares[one.name]
        for table in (model.value_weights[one.name], model.value_embeddings.get(one.name)):
            if table is not None:
                table.embeddings.assign(_with_mean_at(place, table.embeddings.numpy(), share))
        for effect, table in zip(model.effects, model.effect_weights, strict=True):
            if one.name in (effect.first, effect.second):
                weights = table.embeddings.numpy()
                pairs = weights.reshape(model.values_of(effect.first), model.values_of(effect.second), -1)
                axis = 0 if effect.first == one.name else 1
                table.embeddings.assign(_with_mean_at(place, pairs, share, axis).reshape(weights.shape))
    some = rows
    if len(rows) > MAX_ROWS:
        some = rows.taken(np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False)))
    creative = embedder(tf.constant(some.creative), training=False)
    expected = tf.sigmoid(model(some.inputs, creative) + shift).numpy()
    for one, place in untaught:
        unseen = tf.fill([len(some)], tf.constant(place, tf.int64))
        logits = model({**some.inputs, one.name: unseen}, creative).numpy() + np.float32(shift)
        weights = model.value_weights[one.name].embeddings
        values = weights.numpy()
        values[place] += calibrating_shift(logits, expected, some.weight)
        weights.assign(values)


def _share(rows: Rows, feature: EmbeddedFeature) -> npt.NDArray[np.float64]:
    """Of the rows' weight, by place in the feature's tables; zeros where nothing has weight."""
    counts = np.bincount(rows.inputs[feature.name].numpy(), rows.weight, feature.size)
    return counts / max(float(counts.sum()), 1e-30)


def _with_mean_at(
    place: int, values: npt.NDArray[np.float32], share: npt.NDArray[np.float64], axis: int = 0
) -> npt.NDArray[np.float32]:
    """The values with their mean at a place of `axis` that has no share itself; share: of each, summing to 1."""
    first = np.moveaxis(values.copy(), axis, 0)
    first[place] = np.tensordot(share, first, 1)
    return np.moveaxis(first, 0, axis)
