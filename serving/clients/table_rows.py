"""Requests from the feature table: which inputs a model of it has, and whether rows are as the table says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

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


def check_rows(source: RowSource, columns: dict[str, Column], table: FeatureTable, faults: Faults | None) -> None:
    """Holds converted rows against the table: no unknown field, what is required, numbers within their range.

    Columns of the table that are no inputs, such as label and key, may stand in a row and are not sent.

    Raises:
        RowError: for the first fault; with `faults` they are named there instead, the first of each row.
    """
    for error in _found(source, columns, table):
        if faults is None:
            raise error
        faults.setdefault(error.row, error)


def _found(source: RowSource, columns: dict[str, Column], table: FeatureTable) -> Iterator[RowError]:
    known = [feature.name for feature in table.root]
    inputs = table_inputs(table).dtypes
    for row, name, _ in source.beyond({*known, *inputs}):
        from configs.nearest import nearest

        sendable = sorted({*inputs, *(feature.name for feature in table.model_inputs)})
        # The value is not shown: under a mistyped name it may be a personal one.
        yield RowError(row, name, WITHHELD, f"no such feature in the table{nearest(name, sendable)}")
    for feature in table.model_inputs:
        column = columns[feature.request_name]
        if feature.required:
            yield from _absent(feature, column)
        if feature.kind == "numeric" or feature.kind == "bucketized":
            low, high = feature.minimum, feature.maximum
            for row, number in enumerate(column):
                if low is not None and number < low:  # type: ignore[operator]  # a float input's column; NaN passes
                    yield RowError(row, feature.name, number, f"below the table's minimum {low:g}")
                elif high is not None and number > high:  # type: ignore[operator]  # likewise
                    yield RowError(row, feature.name, number, f"above the table's maximum {high:g}")


def _absent(feature: AnyFeature, column: Column) -> Iterator[RowError]:
    mark = MISSING[_DTYPES[feature.kind]]
    for row, value in enumerate(column):
        if value == mark or value != value:  # NaN, the mark of floats, is unlike itself
            yield RowError(row, feature.name, None, "required, but missing; give a value")
