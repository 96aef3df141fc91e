"""From YAML files and `--set` words to the settings type, with errors that name file, key, value and fix."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from pydantic import BaseModel, ValidationError

from adclick.errors import SettingsError
from configs.features import KINDS, FeatureTable
from configs.settings import Settings

BASE_FILE = Path(__file__).with_name("base.yaml")


class Layer(NamedTuple):
    """One source of settings and where it came from."""

    origin: str
    values: Mapping[str, Any]


def load_settings(config: str | Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Base file, then the overlay `config` (which holds only differences), then `a.b=value` words.

    Mappings merge key by key; lists and scalars are replaced. Raises SettingsError.
    """
    layers = [read_layer(BASE_FILE)]
    if config is not None and Path(config).resolve() != BASE_FILE:
        layers.append(read_layer(Path(config)))
    layers.extend(parse_override(word) for word in overrides)
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(detail, layers) for detail in error.errors())) from None


def read_layer(path: Path) -> Layer:
    """The mapping in a YAML file. Raises SettingsError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file; give the path of a YAML file to --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise SettingsError(
            f"{path}: holds a {type(values).__name__}; a settings file is a mapping such as 'trainer: {{epochs: 3}}'"
        )
    return Layer(str(path), values)


def parse_override(word: str) -> Layer:
    """`a.b=value` as a nested mapping; the value is read as YAML. Raises SettingsError."""
    path, equals, text = word.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise SettingsError(f"--set {word}: write it as a.b=value, for example --set trainer.epochs=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"--set {word}: the value is not YAML: {' '.join(str(error).split())}") from None
    for key in reversed(keys):
        value = {key: value}
    return Layer(f"--set {word}", value)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`: mappings merge, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def explain(detail: Mapping[str, Any], layers: Sequence[Layer]) -> str:
    """One line for one fault: origin, key, what is wrong, the fix."""
    location = tuple(
        part for part in detail["loc"] if part not in KINDS
    )  # pydantic names the union's branch in the path
    key = ".".join(str(part) for part in location)
    origin = next((layer.origin for layer in reversed(layers) if _holds(layer.values, location)), layers[-1].origin)
    kind, value = detail["type"], detail.get("input")
    named = _feature_named(location, layers)
    if named:
        key = f"{key} (feature {named!r})"
    if kind == "extra_forbidden":
        return f"{origin}: {key}: unknown key{_nearest(str(location[-1]), _known_keys(detail['loc']))}"
    if kind == "union_tag_invalid":
        given = str(value.get("kind")) if isinstance(value, Mapping) else str(value)
        return f"{origin}: {key}: unknown kind {given!r}{_nearest(given, KINDS)}; the kinds are {', '.join(KINDS)}"
    if kind == "union_tag_not_found":
        return f"{origin}: {key}: has no kind; add one of {', '.join(KINDS)}"
    if kind == "missing":
        return f"{origin}: {key}: is missing; add it"
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{origin}: {message}" if not key else f"{origin}: {key}: {message}"
    return f"{origin}: {key}: got {value!r}: {message}"


def _holds(values: Any, location: Sequence[Any]) -> bool:
    """Whether a layer itself sets this key."""
    for part in location:
        if (isinstance(values, Mapping) and part in values) or (
            isinstance(values, list) and isinstance(part, int) and part < len(values)
        ):
            values = values[part]
        else:
            return False
    return bool(location)


def _feature_named(location: Sequence[Any], layers: Sequence[Layer]) -> str | None:
    """Name of the feature that a location such as ('features', 3, …) speaks of."""
    if len(location) < 2 or location[0] != "features" or not isinstance(location[1], int):
        return None
    for layer in reversed(layers):
        entries = layer.values.get("features")
        if isinstance(entries, list) and location[1] < len(entries) and isinstance(entries[location[1]], Mapping):
            return str(entries[location[1]].get("name", "")) or None
    return None


def _nearest(word: str, known: Sequence[str]) -> str:
    matches = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if matches:
        return f"; did you mean {matches[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _known_keys(location: Sequence[Any]) -> tuple[str, ...]:
    """Keys of the section that a location ends in, as written in YAML."""
    if len(location) >= 3 and location[0] == "features":
        entry = next((branch for branch in _branches() if branch.model_fields["kind"].annotation is not None
                      and location[2] in get_args(branch.model_fields["kind"].annotation)), None)  # fmt: skip
        return tuple(entry.model_fields) if entry else ()
    section: type[BaseModel] = Settings
    for part in location[:-1]:
        field = next((f for n, f in section.model_fields.items() if part in (n, f.alias)), None)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return ()
        section = field.annotation
    return tuple(field.alias or name for name, field in section.model_fields.items())


def _branches() -> tuple[type[BaseModel], ...]:
    """The feature kinds' types."""
    entry = get_args(FeatureTable.model_fields["root"].annotation)[0]
    union = get_args(entry)[0] if hasattr(entry, "__metadata__") else entry
    return get_args(union)
