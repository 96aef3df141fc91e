"""The requests that the candidate has to answer: real rows, and what may be odd about real ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from components.serving_canary.signature_inputs import ModelInput
from configs.features import FeatureTable

BATCH_ROWS = 64
NEW_CREATIVE = "serving-canary/a-creative-of-no-run"


class NewCreative(NamedTuple):
    """An encoded image of the data, to be sent under a key that no model knows."""

    encoded: bytes


class Case(NamedTuple):
    """Rows that are sent in one request."""

    name: str
    examples: list[Any]
    """tf.Examples."""


def make_cases(
    rows: Sequence[Any],
    inputs: Sequence[ModelInput],
    table: FeatureTable,
    known: Collection[str],
    new: NewCreative | None,
    max_batch_rows: int,
) -> list[Case]:
    """`rows`: tf.Examples in file order, at least one; `known`: keys of the creatives that the model was trained on.

    Rows are repeated where there are fewer than a batch wants.
    """
    image = table.image
    with_known = [row for row in rows if image is not None and _text(row, image.name) in known]
    found = [Case("single row", [(with_known or rows)[0]])]
    if with_known:
        found.append(Case("known creatives", with_known[:BATCH_ROWS]))
    if new is not None and image is not None:
        found.append(Case("new creative", [_with_new(rows[0], table, new)]))
    found.append(Case("features missing", _with_missing(rows[0], inputs, table)))
    found.append(Case("largest batch", [rows[index % len(rows)] for index in range(max_batch_rows)]))
    return found


def _text(example: Any, feature: str) -> str:
    values = example.features.feature[feature].bytes_list.value if feature in example.features.feature else ()
    return values[0].decode("utf-8", "replace") if values else ""


def _with_new(row: Any, table: FeatureTable, new: NewCreative) -> Any:
    image = table.image
    assert image is not None
    changed = _without(row, [image.name, image.bytes_name])
    changed.features.feature[image.name].bytes_list.value.append(NEW_CREATIVE.encode())
    changed.features.feature[image.bytes_name].bytes_list.value.append(new.encoded)
    return changed


def _with_missing(row: Any, inputs: Sequence[ModelInput], table: FeatureTable) -> list[Any]:
    """Each optional feature missing alone, then all of them together, then a creative that nobody knows."""
    read = {one.feature for one in inputs}
    optional = [feature.name for feature in table.model_inputs if feature.name in read and not feature.required]
    found = [_without(row, [name]) for name in optional]
    found.append(_without(row, optional))
    if table.image is not None:
        unknown = _without(row, [table.image.name])
        unknown.features.feature[table.image.name].bytes_list.value.append(NEW_CREATIVE.encode())
        found.append(unknown)
    return found


def _without(row: Any, features: Sequence[str]) -> Any:
    copy = type(row)()
    copy.CopyFrom(row)
    for name in features:
        copy.features.feature.pop(name, None)
    return copy


def stripped(row: Any, table: FeatureTable) -> Any:
    """The row as far as the model reads it, without values of fields that are marked `pii`."""
    kept = {feature.name for feature in table.model_inputs if feature.pii is None}
    if table.image is not None:
        kept.add(table.image.bytes_name)
    return _without(row, [name for name in row.features.feature if name not in kept])
