"""KerasTuner's hyperparameters and our settings: one hyperparameter per searched path, named by the path.

A value of a choice may be a list, which KerasTuner has no place for: choices travel as JSON texts, ranges as numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from configs.tuning import Dimension, changed_section, leaves, nested, value_at


def decoded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by path, of a trial's values or of the `values` of HyperParameters' config."""
    return {path: json.loads(value) if isinstance(value, str) else value for path, value in values.items()}


def applied(model: Model, trainer: TrainerSettings, settings: Mapping[str, Any]) -> tuple[Model, TrainerSettings]:
    """The sections with other settings, by path. Raises pydantic's ValidationError."""
    layer = nested(settings)
    return changed_section(model, layer.get("model", {})), changed_section(trainer, layer.get("trainer", {}))


def search_space(space: Mapping[str, Dimension], model: Model, trainer: TrainerSettings) -> Any:
    """keras_tuner.HyperParameters; each default is the setting's own value, or the nearest that the space holds."""
    import keras_tuner

    sections = {"model": model, "trainer": trainer}
    kinds = dict(leaves(sections))
    found = keras_tuner.HyperParameters()
    for path, dimension in space.items():
        own = value_at(sections, path)
        if dimension.choices is not None:
            texts = [json.dumps(one) for one in dimension.choices]
            # By value: a tuple of numbers may be written 1 or 1.0.
            default = next((text for text in texts if json.loads(text) == own), texts[0])
            found.Choice(path, texts, ordered=False, default=default)
            continue
        add = found.Int if kinds[path] is int else found.Float
        default = min(max(own, dimension.min), dimension.max)
        add(path, dimension.min, dimension.max, step=dimension.step, sampling=dimension.sampling, default=default)
    return found


def own_values(hyperparameters: Mapping[str, Any], model: Model, trainer: TrainerSettings) -> bool:
    """Whether a trial's values are the settings' own."""
    sections = {"model": model, "trainer": trainer}
    return all(value_at(sections, path) == value for path, value in decoded(hyperparameters).items())
