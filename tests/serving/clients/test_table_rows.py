from __future__ import annotations

import pytest

from configs.features import FeatureTable
from serving.clients.client_columns import to_columns
from serving.clients.client_errors import RowError
from serving.clients.row_source import Faults, Row, row_source
from serving.clients.table_rows import TableCheck, table_inputs

TABLE = FeatureTable.model_validate(
    [
        {"name": "timestamp", "kind": "timestamp", "required": True},
        {"name": "user_id", "kind": "hashed", "pii": "hash"},
        {"name": "user_name", "kind": "text", "pii": "drop"},
        {"name": "user_age", "kind": "numeric", "minimum": 0, "maximum": 130},
        {"name": "device", "kind": "categorical", "required": True},
        {"name": "image_path", "kind": "image"},
        {"name": "ad_id", "kind": "key", "required": True},
        {"name": "clicked", "kind": "label"},
    ]
)
GOOD: Row = {"timestamp": 10, "device": "mobile"}


def faults_of(*rows: Row) -> Faults:
    faults: Faults = {}
    source = row_source(rows)
    TableCheck(TABLE)(source, to_columns(source, table_inputs(TABLE), faults), faults)
    return faults


def test_inputs_are_those_of_a_model_of_the_table() -> None:
    inputs = table_inputs(TABLE)
    assert inputs.dtypes == {
        "timestamp": "DT_INT64", "user_id_hashed": "DT_STRING", "user_age": "DT_FLOAT", "device": "DT_STRING",
        "image_path": "DT_STRING", "image_path_bytes": "DT_STRING",
    }  # fmt: skip
    assert (inputs.version, inputs.gives_status) == (None, None)


def test_columns_of_the_table_that_are_no_inputs_may_stand_in_a_row() -> None:
    row = {**GOOD, "clicked": 1, "ad_id": "a", "user_name": "Ann", "image_path_bytes": b"x", "user_id_hashed": "ab"}
    assert faults_of(row, GOOD) == {}  # ad_id is required of files, not of requests: the model does not read it


@pytest.mark.parametrize(
    ("row", "field", "fix"),
    [
        ({**GOOD, "devcie": "x"}, "devcie", "no such feature in the table; did you mean 'device'?"),
        ({"timestamp": 10}, "device", "required, but missing; give a value"),
        ({"device": "x", "timestamp": None}, "timestamp", "required, but missing; give a value"),
        ({**GOOD, "user_age": -1}, "user_age", "below the table's minimum 0"),
        ({**GOOD, "user_age": 131}, "user_age", "above the table's maximum 130"),
        ({**GOOD, "user_age": "old"}, "user_age", "not a number; give one such as 12.5, or leave"),
    ],
)
def test_faults_name_row_and_field(row: Row, field: str, fix: str) -> None:
    (error,) = faults_of(GOOD, row).values()
    assert (error.row, error.field) == (1, field)
    assert fix in str(error)
    source = row_source([GOOD, row])
    with pytest.raises(RowError):
        TableCheck(TABLE)(source, to_columns(source, table_inputs(TABLE)), None)


def test_the_value_of_an_unknown_field_is_not_shown() -> None:
    assert "secret" not in str(faults_of({**GOOD, "usr_nam": "secret"})[0])
