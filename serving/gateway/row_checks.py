"""Rows held against the feature table: which fields a row may and must have, and what the model takes for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from adclick.privacy import hashed, key_from_environment
from configs.features import AnyFeature, Bucketized, FeatureTable, Ignore, Image, Label, Numeric, Timestamp, Weight
from configs.gateway import Limits
from configs.nearest import likeliest
from configs.settings import Creatives
from serving.clients.client_columns import Dtype
from serving.clients.row_values import MISSING_INT64
from serving.gateway.codes import Refusal
from serving.gateway.field_checks import Check, Value, field_check, image_bytes_check, quoted, wrong_type

MISSING: Mapping[Dtype, Value] = {"DT_FLOAT": float("nan"), "DT_INT64": MISSING_INT64, "DT_STRING": b""}


class ModelInput(NamedTuple):
    """An input of the signature `predict`."""

    name: str
    dtype: Dtype
    private: bool
    """Made of a field marked pii: not to be logged."""


@dataclass
class CheckedRow:
    """Values in the order of RowChecks.inputs; None where the row has none so far."""

    values: list[Value | None]
    keys: dict[str, str] = field(default_factory=dict)
    """Value of each field that enrichment looks up, hashed where the field is personal."""
    image_url: str | None = None
    warnings: list[str] = field(default_factory=list)


class RowChecks:
    """The feature table as a gate for rows."""

    def __init__(
        self,
        table: FeatureTable,
        limits: Limits,
        creatives: Creatives,
        optional: tuple[str, ...] = (),
        key_fields: tuple[str, ...] = (),
    ) -> None:
        """`creatives`: limits of images; `optional`: required fields that may be missing all the same; `key_fields`:
        what enrichment looks up.

        Raises SettingsError where a field needs the key for hashes and the environment has none.
        """
        inputs: list[ModelInput] = []
        self._checks: dict[str, tuple[Check, int]] = {}  # field -> its check, and its place among the inputs or -1
        self.image_place, self.url_field = -1, ""
        """Place of the image's bytes among the inputs, -1 without images."""
        model_inputs = {feature.name for feature in table.model_inputs}
        for feature in table.root:
            if isinstance(feature, Label):
                continue
            place = len(inputs) if feature.name in model_inputs else -1
            self._checks[feature.name] = (field_check(feature, limits.max_text_bytes), place)
            if place >= 0:
                inputs.append(ModelInput(feature.request_name, _dtype(feature), feature.pii is not None))
            if isinstance(feature, Image):
                self.image_place, self.url_field = len(inputs), f"{feature.name}_url"
                self._checks[feature.bytes_name] = (image_bytes_check(feature.bytes_name, creatives), len(inputs))
                inputs.append(ModelInput(feature.bytes_name, "DT_STRING", feature.pii is not None))
        self.inputs = tuple(inputs)
        self._label = table.label.name
        unread = Label | Weight | Ignore
        required = [f.name for f in table if f.required and f.name not in optional and not isinstance(f, unread)]
        self._required_inputs = [(name, self._checks[name][1]) for name in required if self._checks[name][1] >= 0]
        self._required_others = [name for name in required if self._checks[name][1] < 0]
        self._key_fields = frozenset(key_fields)
        self._key_hashes = {name: key_from_environment(name) for name in key_fields if table[name].pii == "hash"}

    @property
    def fields(self) -> tuple[str, ...]:
        """Names that a row may have."""
        return (*self._checks, self.url_field) if self.url_field else tuple(self._checks)

    def check(self, row: object) -> CheckedRow:
        """The row's own values. Raises Refusal for the first field that cannot be taken."""
        if not isinstance(row, dict):
            raise Refusal("row_not_object", "a row is an object of fields")
        checked = CheckedRow([None] * len(self.inputs))
        values, checks, key_fields = checked.values, self._checks, self._key_fields
        missing = set(self._required_others)
        for name, value in row.items():
            entry = checks.get(name)
            if entry is None:
                if name != self.url_field or not name:
                    raise self._unknown(name)
                checked.image_url = self._url(value)
                continue
            check, place = entry
            result = check(value)
            if result is None:
                continue
            if place >= 0:
                values[place] = result
            else:
                missing.discard(name)
            if name in key_fields:
                checked.keys[name] = self._key_text(name, value)
        if missing:
            raise _missing(min(missing))
        if checked.image_url is not None and values[self.image_place] is not None:
            sent = self.inputs[self.image_place].name
            raise Refusal("image_ambiguous", f"send {sent!r} or {self.url_field!r}, not both")
        return checked

    def check_value(self, name: str, value: object) -> Value | None:
        """Value for the model of a feature that did not come with a request. Raises Refusal."""
        return self._checks[name][0](value)

    def place(self, name: str) -> int:
        """A feature's place among the inputs."""
        return self._checks[name][1]

    def key_text(self, name: str, value: str) -> str:
        """What a value of a key field is looked up by. Raises Refusal where the field takes no such value."""
        if self._checks[name][0](value) is None:
            raise _missing(name)
        return self._key_text(name, value)

    def complete(self, checked: CheckedRow) -> list[Value]:
        """Values for the model, the missing ones marked as such. Raises Refusal `field_missing`."""
        values = checked.values
        for name, place in self._required_inputs:
            if values[place] is None:
                raise _missing(name)
        return [
            MISSING[each.dtype] if value is None else value for each, value in zip(self.inputs, values, strict=True)
        ]

    def _key_text(self, name: str, value: object) -> str:
        key = self._key_hashes.get(name)
        return str(value) if key is None else hashed(name, str(value).encode(), key)

    def _unknown(self, name: str) -> Refusal:
        if name == self._label:
            return Refusal("field_unknown", f"field {name!r} is the label, which is what is predicted; leave it out")
        return Refusal("field_unknown", f"no field {quoted(name)}{likeliest(name[:100], self.fields)}")

    def _url(self, value: object) -> str | None:
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise wrong_type(self.url_field, value, "a URL in text")
        return value


def _dtype(feature: AnyFeature) -> Dtype:
    if isinstance(feature, Numeric | Bucketized):
        return "DT_FLOAT"
    return "DT_INT64" if isinstance(feature, Timestamp) else "DT_STRING"


def _missing(name: str) -> Refusal:
    return Refusal("field_missing", f"field {name!r} is required; send a value for it")
