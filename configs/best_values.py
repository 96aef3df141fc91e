"""The file in which a search leaves the best values it found, and how a later run takes them up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from adclick.errors import SettingsError
from adclick.filesystem import is_absent
from configs.features import FeatureTable
from configs.loading import Layer
from configs.section import Section
from configs.settings import Settings
from configs.tuning import nested, value_at

SEARCHED = ("model", "trainer")
"""Sections whose settings a search may change."""


class Found(Section):
    """Where best values come from."""

    run_id: str
    at: str
    """UTC, ISO 8601."""
    trial: int
    trials: int
    log_loss: float
    """On `measured_rows` training rows that the trials were not trained on, in nats."""
    own_log_loss: float | None
    """That of the settings' own values; None where no trial had them."""
    measured_rows: int
    spans: tuple[int, ...]
    kind: str
    """model.kind of the search."""
    inputs: str
    """Fingerprint of the model's inputs, see `inputs_fingerprint`."""


class BestValues(Section):
    """A search's best values by dotted path, such as `trainer.learning_rate`."""

    values: dict[str, Any]
    found: Found


class Reused(NamedTuple):
    """Best values that a run may take up."""

    file: Path
    best: BestValues

    @property
    def layer(self) -> Layer:
        """For `load_settings`."""
        return Layer(str(self.file), nested(self.best.values))

    def overruled(self, settings: Settings) -> list[str]:
        """Paths that have another value in the run's settings, since the command line says so."""
        return [path for path, value in self.best.values.items() if value_of(settings, path) != value]


def inputs_fingerprint(table: FeatureTable) -> str:
    """Of names and kinds of the model's inputs, 12 hexadecimal digits."""
    inputs = [(feature.name, feature.kind) for feature in table.model_inputs]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]


def to_yaml(best: BestValues) -> str:
    """The file's text."""
    head = "# Found by a search (docs/tuning.md). A run that does not search trains with these values.\n"
    return head + yaml.safe_dump(best.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=120)


def read_best(file: Path) -> BestValues:
    """Raises FileNotFoundError, and SettingsError for what is no such file."""
    try:
        best = BestValues.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and is_absent(error):
            raise FileNotFoundError(f"{file}: no such file") from None
        told = " ".join(str(error).split())
        raise SettingsError(
            f"{file}: is not a search's best values: {told[:200]}; tuner.reuse=false trains without them"
        ) from None
    other = next((path for path in best.values if path.partition(".")[0] not in SEARCHED), None)
    if other is not None:
        raise SettingsError(f"{file}: values names {other!r}; a search sets settings of {' and '.join(SEARCHED)} only")
    return best


def find_best(settings: Settings, usual: Path) -> tuple[Reused | None, str]:
    """What a run may take up, and where there is something that it must not, why not.

    `usual`: the file that is looked for where tuner.best names none. One that was named is taken as it is; the usual
    one only where it was found for such a model. Raises SettingsError.
    """
    tuner = settings.tuner
    if tuner.enabled or not tuner.reuse:
        return None, ""
    file = usual if tuner.best is None else Path(tuner.best)
    try:
        best = read_best(file)
    except FileNotFoundError:
        if tuner.best is None:
            return None, ""
        raise SettingsError(
            f"tuner.best: {file}: no such file; give the tuned.yaml of a run's report folder, or null"
        ) from None
    if tuner.best is None:
        if "model.kind" not in best.values and best.found.kind != settings.model.kind:
            return None, f"it was found for model.kind {best.found.kind!r}, and this run has {settings.model.kind!r}"
        if best.found.inputs != inputs_fingerprint(settings.features):
            return None, "it was found for other features"
    return Reused(file, best), ""


def value_of(settings: Settings, path: str) -> Any:
    """Of a setting of `model` or `trainer`, as YAML gives it."""
    return value_at({"model": settings.model, "trainer": settings.trainer}, path)
