"""Weights that outlive their model: written beside an exported model, and a later one starts from them.

Vocabularies grow and change their order from month to month, so a value's weights are found by the value.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adclick.filesystem import join, open_binary, read_bytes
from trainer.click_model import ClickModel
from trainer.fitting import CreativeEmbedder
from trainer.paired_effects import PairedEffect

FILE = "assets.extra/training_weights.npz"  # TensorFlow leaves this folder of a SavedModel to its users
Arrays = dict[str, npt.NDArray[np.generic]]
_VOCABULARY = "vocabulary/"
_BY_VALUE = ("weight/", "embedding/")


class Carried(NamedTuple):
    """What a start found in the earlier model."""

    values: dict[str, int]
    """Values whose weights were taken over, by feature."""
    towers: bool
    """Whether the layers' weights were, too: they are where inputs and settings are those of the earlier model."""


def write_weights(
    folder: str,
    model: ClickModel,
    embedder: CreativeEmbedder,
    shift: float,
    vocabularies: Mapping[str, list[bytes]],
) -> None:
    """Writes FILE below `folder`, of a model that has been called. `shift`: what serving adds to the logits."""
    arrays = _arrays(model, embedder)
    arrays["out/1"] = arrays["out/1"] + np.float32(shift)  # type: ignore[operator]  # the bias, a float32 array
    for name, values in vocabularies.items():
        # No value has a line's end, and an array of the longest value's width would be far greater.
        arrays[_VOCABULARY + name] = np.frombuffer(b"\n".join(values), np.uint8)
    arrays["layout"] = np.array(_layout(model, embedder))
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    with open_binary(join(folder, FILE), mode="wb") as target:
        target.write(stream.getvalue())


def start_from(
    folder: str,
    model: ClickModel,
    embedder: CreativeEmbedder,
    vocabularies: Mapping[str, list[bytes]],
    shift: float = 0.0,
) -> Carried:
    """Gives a model that has been called the weights of the one in `folder`, as far as they have a place in it.

    Values that the earlier model did not know keep their start. `shift`: from what was served to the logits of the rows
    to train on. Raises FileNotFoundError where FILE is missing.
    """
    with np.load(io.BytesIO(read_bytes(join(folder, FILE))), allow_pickle=False) as stored:
        earlier: Arrays = {name: stored[name] for name in stored.files}
    earlier["out/1"] = earlier["out/1"] + np.float32(shift)  # type: ignore[operator]  # the bias, a float32 array
    arrays = _arrays(model, embedder)
    same = str(earlier["layout"]) == _layout(model, embedder)
    taken: dict[str, int] = {}
    for name, array in arrays.items():
        before = earlier.get(name)
        if before is None:
            continue
        by_value = next((name[len(kind) :] for kind in _BY_VALUE if name.startswith(kind)), None)
        if by_value is not None and by_value in vocabularies:
            values = vocabularies[by_value]
            old, new = _places(earlier.get(_VOCABULARY + by_value), values, len(before), len(array))
            if before.shape[1:] == array.shape[1:]:
                array[new] = before[old]
                taken[by_value] = int((new < len(values)).sum())
        elif before.shape == array.shape and (by_value is not None or same):
            array[...] = before
    for effect in model.effects:
        name = _pair(effect)
        if name in earlier and (same or effect.second):  # the creative's components are those of the earlier tower
            _take_pair(effect, earlier, arrays[name], vocabularies)
    _assign(model, embedder, arrays)
    return Carried(taken, same)


def _places(
    before: npt.NDArray[np.generic] | None, now: list[bytes], rows_before: int, rows_now: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of what both tables have, in the earlier one and in this one: values, then rare, new and missing ones'.

    Tables of models that did not tell missing cells from rare values, or new values either, have fewer.
    """
    if before is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    values = before.tobytes().split(b"\n")
    known = {value: row for row, value in enumerate(values)}
    pairs = [(known[value], row) for row, value in enumerate(now) if value in known]
    others = min(rows_before - len(values), rows_now - len(now))
    pairs += [(len(values) + other, len(now) + other) for other in range(others)]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _take_pair(
    effect: PairedEffect, earlier: Arrays, array: npt.NDArray[np.generic], vocabularies: Mapping[str, list[bytes]]
) -> None:
    """Combinations of values that both models know, [values of first, values of second, K]."""
    before = earlier[_pair(effect)]
    old: list[npt.NDArray[np.int64]] = []
    new: list[npt.NDArray[np.int64]] = []
    for axis, name in enumerate((effect.first, effect.second)):
        if name in vocabularies:
            sizes = before.shape[axis], array.shape[axis]
            places = _places(earlier.get(_VOCABULARY + name), vocabularies[name], *sizes)
            for kept, rows in zip((old, new), places, strict=True):
                kept.append(rows)
        else:
            old.append(np.arange(before.shape[axis]))
            new.append(np.arange(array.shape[axis]))
    if [len(one) for one in old] == [len(one) for one in new] and before.shape[2] == array.shape[2]:
        array[np.ix_(*new)] = before[np.ix_(*old)]


def _pair(effect: PairedEffect) -> str:
    return f"pair/{effect.first}/{effect.second}"


def _arrays(model: ClickModel, embedder: CreativeEmbedder) -> Arrays:
    arrays = {
        f"{name}/{index}": value
        for name, layer in model.towers().items()
        for index, value in enumerate(layer.get_weights())
    }
    arrays.update({f"weight/{name}": table.get_weights()[0] for name, table in model.value_weights.items()})
    arrays.update({f"embedding/{name}": table.get_weights()[0] for name, table in model.value_embeddings.items()})
    for effect, table in zip(model.effects, model.effect_weights, strict=True):
        weights = table.get_weights()[0]
        arrays[_pair(effect)] = weights.reshape(model.values_of(effect.first), model.values_of(effect.second), -1)
    if embedder.tower is not None:
        arrays.update({f"image/{index}": value for index, value in enumerate(embedder.tower.get_weights())})
    return arrays


def _assign(model: ClickModel, embedder: CreativeEmbedder, arrays: Arrays) -> None:
    def of(prefix: str) -> list[npt.NDArray[np.generic]]:
        found: list[npt.NDArray[np.generic]] = []
        while f"{prefix}/{len(found)}" in arrays:
            found.append(arrays[f"{prefix}/{len(found)}"])
        return found

    for name, layer in model.towers().items():
        layer.set_weights(of(name))
    for name, table in model.value_weights.items():
        table.set_weights([arrays[f"weight/{name}"]])
    for name, table in model.value_embeddings.items():
        table.set_weights([arrays[f"embedding/{name}"]])
    for effect, table in zip(model.effects, model.effect_weights, strict=True):
        table.set_weights([arrays[_pair(effect)].reshape(table.embeddings.shape)])
    if embedder.tower is not None:
        embedder.tower.set_weights(of("image"))


def _layout(model: ClickModel, embedder: CreativeEmbedder) -> str:
    """What the layers' weights depend on: the kind, and which inputs stand where."""
    inputs = {"numbers": model.numbers, "embeddings": model.widths, "creative": model.creative_in_towers}
    if embedder.tower is not None:
        inputs["statistics"] = embedder.tower.statistics
    return json.dumps({"kind": model.kind, **inputs})
