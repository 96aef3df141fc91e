"""From the gateway's YAML file to its settings and the feature table, with errors that name file, key and fix."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from adclick.errors import SettingsError
from configs.features import Label
from configs.gateway import Gateway
from configs.loading import explain, load_settings, parse_override, read_layer
from configs.merging import merge
from configs.nearest import nearest
from configs.settings import Settings


class LoadedGateway(NamedTuple):
    """The gateway's settings, and the pipeline's."""

    gateway: Gateway
    settings: Settings
    folder: Path
    """Paths in the gateway's file are relative to it."""


def load_gateway(config: Path, overrides: tuple[str, ...] = ()) -> LoadedGateway:
    """Reads `config`, `a.b=value` words laid over it, and the settings file that it names. Raises SettingsError."""
    layers = [read_layer(config), *(parse_override(word) for word in overrides)]
    merged: dict[str, object] = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    try:
        gateway = Gateway.model_validate(merged)
    except ValidationError as error:
        raise SettingsError("\n".join(explain(detail, layers, Gateway) for detail in error.errors())) from None
    settings = load_settings(None if gateway.settings is None else config.parent / gateway.settings)
    _check_names(config, gateway, settings)
    return LoadedGateway(gateway, settings, config.parent)


def _check_names(config: Path, gateway: Gateway, settings: Settings) -> None:
    """Every feature that the gateway's settings name is in the table."""
    table = settings.features
    known = [feature.name for feature in table]
    inputs = [feature.name for feature in table.model_inputs]
    named = [("optional_fields", name, known) for name in gateway.optional_fields]
    for kind, entry in gateway.enrichment.kinds.items():
        place = f"enrichment.kinds.{kind}"
        named.append((f"{place}.key", entry.key, [f.name for f in table if not isinstance(f, Label)]))
        named.extend((f"{place}.fields", name, inputs) for name in entry.fields)
    for place, name, allowed in named:
        if name not in allowed:
            raise SettingsError(f"{config}: {place}: no feature {name!r} to use here{nearest(name, allowed)}")
    image = table.image
    if image is not None and f"{image.name}_url" in known:
        raise SettingsError(
            f"{config}: feature {image.name + '_url'!r} has the name of the field for an image's URL; rename it"
        )
