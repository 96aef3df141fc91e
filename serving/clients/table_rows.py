"""Requests from the feature table: which inputs a model of it has, and whether rows are as the table says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from adclick.privacy import WITHHELD
from serving.clients.client_columns import Column, ModelInputs
from serving.clients.client_errors import RowError
from serving.clients.row_source import Faults, RowSource
from serving.clients.row_values import MISSING, Dtype

if TYPE_CHECKING:  # at run time pydantic's import would double the start of a client that has no table
    from configs.features import AnyFeature, FeatureTable

_DTYPES: dict[str, Dtype] = {
    "numeric": "DT_FLOAT",
    "bucketized": "DT_FLOAT",
    "timestamp": "DT_INT64",
    "categorical": "DT_STRING",
    "hashed": "DT_STRING",
    "text": "DT_STRING",
    "image": "DT_STRING",
}


def table_inputs(table: FeatureTable) -> ModelInputs:
    """Inputs of the signature `predict` of a model that was trained with this table."""
    dtypes: dict[str, Dtype] = {}
    for feature in table.model_inputs:
        dtypes[feature.request_name] = _DTYPES[feature.kind]
        if feature.kind == "image":
            dtypes[feature.bytes_name] = "DT_STRING"
    # Only the answer tells whether a model with images is new enough to give their status.
    return ModelInputs(None, dtypes, None if table.image else False)


class TableCheck:
    """Holds rows against a table. What the table says is read once, as walking it costs more than checking a row."""

    def __init__(self, table: FeatureTable) -> None:
        self.inputs = table_inputs(table)
        self._known = frozenset({*(feature.name for feature in table.root), *self.inputs.dtypes})
        self._sendable = sorted({*self.inputs.dtypes, *(feature.name for feature in table.model_inputs)})
        self._required = [feature for feature in table.model_inputs if feature.required]
        self._ranges = [
            (feature.name, feature.minimum, feature.maximum)
            for feature in table.model_inputs
            if (feature.kind == "numeric" or feature.kind == "bucketized")
            and not (feature.minimum is None and feature.maximum is None)
        ]

    def __call__(self, source: RowSource, columns: Mapping[str, Column], faults: Faults | None) -> None:
        """Converted rows: no unknown field, all that is required, numbers within their range.

        Columns of the table that are no inputs, such as label and key, may stand in a row and are not sent.

        Raises:
            RowError: for the first fault; with `faults` they are named there instead, the first of each row.
        """
        for error in self._found(source, columns):
            if faults is None:
                raise error
            faults.setdefault(error.row, error)

    def _found(self, source: RowSource, columns: Mapping[str, Column]) -> Iterator[RowError]:
        for row, name, _ in source.beyond(self._known):
            from configs.nearest import nearest

            # The value is not shown: under a mistyped name it may be a personal one.
            yield RowError(row, name, WITHHELD, f"no such feature in the table{nearest(name, self._sendable)}")
        for feature in self._required:
            yield from _absent(feature, columns[feature.request_name])
        for name, low, high in self._ranges:
            for row, number in enumerate(cast("Sequence[float]", columns[name])):  # NaN passes, being missing
                if low is not None and number < low:
                    yield RowError(row, name, number, f"below the table's minimum {low:g}")
                elif high is not None and number > high:
                    yield RowError(row, name, number, f"above the table's maximum {high:g}")


def _absent(feature: AnyFeature, column: Column) -> Iterator[RowError]:
    mark = MISSING[_DTYPES[feature.kind]]
    for row, value in enumerate(column):
        if value == mark or value != value:  # NaN, the mark of floats, is unlike itself
            yield RowError(row, feature.name, None, "required, but missing; give a value")
