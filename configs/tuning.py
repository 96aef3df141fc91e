"""Settings of the tuner: how many trials, chosen how, and which values each searched setting may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, field_validator, model_validator

from configs.merging import merge
from configs.nearest import nearest
from configs.section import Section

Number = int | FiniteFloat
Sections = Mapping[str, Section]
"""The sections that a search may change, by their key."""
AnySection = TypeVar("AnySection", bound=Section)
NEVER_SEARCHED = {"trainer.seed": "the best of several seeds is the luckiest, no better on other rows"}


class Dimension(Section):
    """Values of one setting: either `choices`, or all numbers from `min` to `max`."""

    choices: tuple[Any, ...] | None = None
    min: Number | None = None
    max: Number | None = None
    step: Number | None = None
    """Between two values of a range: added, or with `log` multiplied; none: any value of the range."""
    sampling: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _choices_or_range(self) -> Dimension:
        if self.choices is not None:
            if any(one is not None for one in (self.min, self.max, self.step)):
                raise ValueError("has both choices and a range: keep one of them")
            if not self.choices:
                raise ValueError("has no choices: name two or more values")
            if any(one in self.choices[:place] for place, one in enumerate(self.choices)):
                raise ValueError("names a choice twice: keep one of each")
            return self
        if self.min is None or self.max is None:
            raise ValueError("has neither choices nor a range: give choices, or both min and max")
        if not self.min < self.max:
            raise ValueError(f"min {self.min!r} is not below max {self.max!r}")
        if self.sampling == "log" and self.min <= 0:
            raise ValueError(f"min {self.min!r} has no logarithm: begin above 0, or use sampling: linear")
        least = 1 if self.sampling == "log" else 0
        if self.step is not None and self.step <= least:
            raise ValueError(f"step {self.step!r} leads nowhere: sampling {self.sampling!r} needs one above {least}")
        return self

    def named(self) -> Iterator[tuple[str, Any]]:
        """Each value that the settings file names, with the word for it."""
        if self.choices is not None:
            yield from (("choice", one) for one in self.choices)
        else:
            yield from (("min", self.min), ("max", self.max))


DEFAULT_SPACE = {
    "model.deep_units": Dimension(choices=([32], [64], [64, 32])),
    "model.dropout": Dimension(min=0.0, max=0.5),
    "model.layer_prior": Dimension(min=0.5, max=32.0, sampling="log"),
    "model.embedding_prior": Dimension(min=8.0, max=500.0, sampling="log"),
    "trainer.learning_rate": Dimension(min=0.001, max=0.02, sampling="log"),
}


class Tuner(Section):
    """The search for better values of `model` and `trainer` settings, and what becomes of them."""

    enabled: bool = False
    """Search in this run; else only earlier runs' values are used."""
    algorithm: Literal["bayesian", "random", "grid"] = "bayesian"
    trials: int = Field(default=20, ge=1)
    """Most trainings. The first has the settings' own values, as far as the space holds them."""
    seed: int = Field(default=7, ge=1)
    """Of the search and of the rows set aside. KerasTuner takes 0 for none."""
    measured_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of the training rows that trials are measured on and not trained on; the same rows for each."""
    space: dict[str, Dimension] = Field(default_factory=lambda: dict(DEFAULT_SPACE))
    """By the path of a setting of `model` or `trainer`, written with dots or nested."""
    reuse: bool = True
    """Train with the values that an earlier run's search found, where this run does not search."""
    best: str | None = None
    """File of those values; none: `tuning/best.yaml` below the output root, where there is one."""

    @field_validator("space", mode="before")
    @classmethod
    def _written_with_dots(cls, space: Any) -> Any:
        return flattened(space) if isinstance(space, Mapping) else space

    @field_validator("space")
    @classmethod
    def _something_to_search(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        if not space:
            raise ValueError("tuner.space names no setting: give one such as 'model.dropout: {min: 0.0, max: 0.5}'")
        return space


def flattened(space: Mapping[Any, Any], above: str = "") -> dict[str, Any]:
    """`{model: {dropout: {…}}}` as `{model.dropout: {…}}`. Raises ValueError for a path that is written both ways."""
    flat: dict[str, Any] = {}
    for key, value in space.items():
        path = f"{above}{key}"
        nests = isinstance(value, Mapping) and value and not set(value) & set(Dimension.model_fields)
        found = flattened(value, f"{path}.") if nests else {path: value}
        twice = next((one for one in found if one in flat), None)
        if twice is not None:
            raise ValueError(f"tuner.space.{twice} is there twice, with dots and nested: keep one of them")
        flat |= found
    return flat


def check_space(space: Mapping[str, Dimension], sections: Sections) -> None:
    """Raises ValueError for a path that is no setting, and for a value that the setting would not take."""
    known = dict(leaves(sections))
    for path, dimension in space.items():
        key = f"tuner.space.{path}"
        if path not in known:
            raise ValueError(f"{key}: there is no such setting{nearest(path, list(known))}")
        if path in NEVER_SEARCHED:
            raise ValueError(f"{key}: is not searched: {NEVER_SEARCHED[path]}")
        if dimension.choices is None and known[path] not in (int, float):
            raise ValueError(f"{key}: is no number: give choices in place of min and max")
        if known[path] is int and dimension.step is not None and dimension.step % 1:
            raise ValueError(f"{key}: step {dimension.step!r} is no whole number, as the setting is")
        for word, value in dimension.named():
            try:
                with_values(sections, {path: value})
            except ValidationError as error:
                told = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"{key}: {word} {value!r}: {told}") from None


def leaves(sections: Sections) -> Iterator[tuple[str, Any]]:
    """Dotted path and type of each setting below the sections."""
    for name, section in sections.items():
        yield from _leaves(type(section), f"{name}.")


def _leaves(kind: type[BaseModel], above: str) -> Iterator[tuple[str, Any]]:
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, f"{above}{name}.")
        else:
            yield f"{above}{name}", field.annotation


def with_values(sections: Sections, values: Mapping[str, Any]) -> dict[str, Section]:
    """The sections with other values, by dotted path. Raises pydantic's ValidationError, KeyError for no such path."""
    changed = nested(values)
    unknown = set(changed) - set(sections)
    if unknown:
        raise KeyError(f"{min(unknown)} is none of {', '.join(sections)}")
    return {name: changed_section(section, changed.get(name, {})) for name, section in sections.items()}


def changed_section(section: AnySection, values: Mapping[str, Any]) -> AnySection:
    """The section with other values, nested as in YAML. Raises pydantic's ValidationError."""
    return type(section).model_validate(merge(section.model_dump(), values))


def value_at(sections: Sections, path: str) -> Any:
    """The setting's value as YAML would give it, tuples as lists."""
    name, *rest = path.split(".")
    value = sections[name].model_dump(mode="json")
    for key in rest:
        value = value[key]
    return value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{model.dropout: 0.1}` as `{model: {dropout: 0.1}}`, as a layer of settings has it."""
    layer: dict[str, Any] = {}
    for path, value in values.items():
        *above, last = path.split(".")
        place = layer
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return layer
