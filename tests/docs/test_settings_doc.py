"""docs/settings.md and docs/data.md name every key with its default, so that neither goes stale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from configs.features import KINDS, FeatureTable
from configs.loading import BASE_FILE, read_layer
from configs.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"\| `([a-z0-9_.]+)` \| (required|`[^|]+`) \| (.+) \|")
REQUIRED = "required"


def documented(lines: list[str]) -> dict[str, Any]:
    """Key to default of each table row; a default in backticks is YAML."""
    found: dict[str, Any] = {}
    for line in lines:
        match = ROW.fullmatch(line)
        if match:
            key, default, _ = match.groups()
            assert key not in found, f"{key} stands twice"
            found[key] = REQUIRED if default == REQUIRED else yaml.safe_load(default.strip("`"))
    return found


def declared(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and default of each field, in order; sections are walked into."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not FeatureTable:
            yield from declared(kind, f"{key}.")
        else:
            yield key, default_of(field)


def default_of(field: FieldInfo) -> Any:
    """As YAML gives it: tuples are lists there, and sections by name are mappings."""
    if field.is_required():
        return REQUIRED
    return as_lists(field.get_default(call_default_factory=True))


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(one) for key, one in value.items()}
    if isinstance(value, BaseModel):
        return as_lists(value.model_dump(exclude_unset=True))
    return [as_lists(one) for one in value] if isinstance(value, tuple) else value


def dotted(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_every_setting_is_listed_with_its_default_in_order() -> None:
    lines = (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
    assert list(documented(lines).items()) == list(declared(Settings))


def test_what_the_base_file_changes_is_said_in_the_list() -> None:
    lines = (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
    said = {match[1] for match in map(ROW.fullmatch, lines) if match and "`configs/base.yaml`" in match[3]}
    built_in = dict(declared(Settings))
    changed = {key for key, value in dotted(dict(read_layer(BASE_FILE).values)).items() if value != built_in[key]}
    assert said == changed


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_feature_kind_is_listed_with_its_default(kind: str) -> None:
    union = get_args(get_args(FeatureTable.model_fields["root"].annotation)[0])[0]
    entry = next(one for one in get_args(union) if get_args(one.model_fields["kind"].annotation) == (kind,))
    text = (DOCS / "data.md").read_text(encoding="utf-8")
    common = documented(section(text, "Keys of every kind"))
    assert list(common) == ["name", "kind", "required", "description", "pii"]
    assert common | documented(section(text, f"`{kind}`")) == dict(declared(entry))


def section(text: str, heading: str) -> list[str]:
    """Lines between a heading of level 3 and the next heading."""
    assert f"\n### {heading}\n" in text, f"docs/data.md has no heading {heading!r}"
    return re.split(r"\n##", text.split(f"\n### {heading}\n", 1)[1])[0].splitlines()
