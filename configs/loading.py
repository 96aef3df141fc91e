"""From YAML files and `--set` words to the settings type, with errors that name file, key, value and fix."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from adclick.errors import SettingsError
from configs.features import KINDS, FeatureTable
from configs.kubeflow import LOOKS_SECRET
from configs.merging import merge
from configs.nearest import nearest
from configs.settings import Settings

BASE_FILE = Path(__file__).with_name("base.yaml")

# pydantic's error type -> what it means in YAML
SHAPES = {
    "model_type": "it must be a mapping of keys to values",
    "model_attributes_type": "it must be a mapping of keys to values",
    "dict_type": "it must be a mapping of keys to values",
    "tuple_type": "it must be a list",
}
WITHHELD = "(withheld)"


class Layer(NamedTuple):
    """One source of settings and where it came from."""

    origin: str
    values: Mapping[str, Any]


def load_settings(
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    accept: Sequence[str] = (),
    tuned: Layer | None = None,
) -> Settings:
    """Base file, then the overlay `config` (which holds only differences), then `a.b=value` words.

    Mappings merge key by key; lists and scalars are replaced. `accept` is put behind anomalies.accept of all of them.
    `tuned` lies over the files and below the words: what a person says for this run goes before what a search found.
    Raises SettingsError.
    """
    layers = [read_layer(BASE_FILE)]
    if config is not None and Path(config).resolve() != BASE_FILE:
        layers.append(read_layer(Path(config)))
    if tuned is not None:
        layers.append(tuned)
    layers.extend(parse_override(word) for word in overrides)
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    if accept:
        layers.append(_accepting(accept, merged))
        merged = merge(merged, layers[-1].values)
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


def _accepting(accept: Sequence[str], merged: Mapping[str, Any]) -> Layer:
    """The words of `--accept` behind the list that files and overrides give."""
    section = merged.get("anomalies")
    listed = section.get("accept", []) if isinstance(section, Mapping) else []
    whole = [*listed, *accept] if isinstance(listed, list) else listed  # what is no list is refused as it stands
    return Layer(" ".join(f"--accept {word}" for word in accept), {"anomalies": {"accept": whole}})


def explain(detail: Mapping[str, Any], layers: Sequence[Layer], whole: type[BaseModel] = Settings) -> str:
    """One line for one fault of a settings type: origin, key, what is wrong, the fix."""
    kind, value = detail["type"], detail.get("input")
    message = detail["msg"].removeprefix("Value error, ")
    location = tuple(part for part in detail["loc"] if not _is_branch(part, detail["loc"]))
    named = _feature_named(location, layers)
    if not location and kind == "value_error":
        origin = _origin(tuple(message.partition(" ")[0].split(".")), layers)  # such a message starts with its key
    else:
        origin = _origin(location, layers)
    key = ".".join(str(part) for part in location)
    if LOOKS_SECRET in message or location[:2] == ("kubeflow", "secrets"):
        origin, value = origin.partition("=")[0], WITHHELD  # it may be the secret itself, and this goes to a log
    if kind == "value_error":
        return f"{origin}: {message}" if message.startswith(key) else f"{origin}: {key}: {message}"
    if named:
        key = f"{key} (feature {named!r})"
    if kind == "extra_forbidden":
        return f"{origin}: {key}: unknown key{nearest(str(location[-1]), _known_keys(detail['loc'], whole))}"
    if kind == "union_tag_invalid":
        given = str(value.get("kind")) if isinstance(value, Mapping) else str(value)
        return f"{origin}: {key}: unknown kind {given!r}{nearest(given, KINDS)}"
    if kind == "union_tag_not_found":
        return f"{origin}: {key}: has no kind; add one of {', '.join(KINDS)}"
    if kind == "missing":
        return f"{origin}: {key}: is missing; add it"
    shown = value if value is WITHHELD else repr(value)
    return f"{origin}: {key}: got {shown}: {SHAPES.get(kind, message)}"


def _is_branch(part: str | int, location: Sequence[str | int]) -> bool:
    """Whether pydantic put the name of a union's branch, which is no key of the file, into a location."""
    return (location[0] == "features" and part in KINDS) or str(part).startswith(("literal[", "constrained-"))


def _origin(location: Sequence[str | int], layers: Sequence[Layer]) -> str:
    """The last layer that sets this key; where none does, the last that sets the section around it.

    A list is replaced as a whole, so what is in it comes from the last layer that sets the list.
    """
    whole = tuple(itertools.takewhile(lambda part: isinstance(part, str), location))
    for end in range(len(whole), 0, -1):
        origins = [layer.origin for layer in layers if _holds(layer.values, whole[:end])]
        if origins:
            return origins[-1]
    return layers[-1].origin


def _holds(values: Any, location: Sequence[str | int]) -> bool:
    """Whether a layer itself sets this key."""
    for part in location:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _feature_named(location: Sequence[str | int], layers: Sequence[Layer]) -> str | None:
    """Name of the feature that a location such as ('features', 3, …) speaks of."""
    if len(location) < 2 or location[0] != "features" or not isinstance(location[1], int):
        return None
    entries = next(layer.values["features"] for layer in reversed(layers) if "features" in layer.values)
    entry = entries[location[1]]
    return str(entry["name"]) if isinstance(entry, Mapping) and "name" in entry else None


def _known_keys(location: Sequence[Any], whole: type[BaseModel]) -> tuple[str, ...]:
    """Keys of the section that a location ends in, as written in YAML."""
    if len(location) >= 3 and location[0] == "features":
        entry = next((branch for branch in _branches() if branch.model_fields["kind"].annotation is not None
                      and location[2] in get_args(branch.model_fields["kind"].annotation)), None)  # fmt: skip
        return tuple(entry.model_fields) if entry else ()
    section = whole
    parts = iter(location[:-1])
    for part in parts:
        field = next((f for n, f in section.model_fields.items() if part in (n, f.alias)), None)
        kind = field.annotation if field is not None else None
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]  # sections by name, and the name is the location's next part
            next(parts, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return ()
        section = kind
    return tuple(field.alias or name for name, field in section.model_fields.items())


def _branches() -> tuple[type[BaseModel], ...]:
    """The feature kinds' types."""
    entry = get_args(FeatureTable.model_fields["root"].annotation)[0]
    union = get_args(entry)[0] if hasattr(entry, "__metadata__") else entry
    return get_args(union)
