"""Rows as callers have them -> columns as the model's signature `predict` wants them.

A feature that a row leaves out takes the model's convention for a missing value: "" for strings, NaN for
floats, the least int64 for integers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from adclick.privacy import HASHED_SUFFIX, WITHHELD, hashed, key_from_environment
from serving.clients.client_errors import RowError, SignatureError
from serving.clients.row_source import Faults, Row, RowSource, row_source
from serving.clients.row_values import (
    CONVERTERS,
    MAX_INT64,
    MISSING,
    MISSING_INT64,
    Dtype,
    Value,
    to_bytes,
)

__all__ = ["Column", "Dtype", "ModelInputs", "Row", "read_model_inputs", "to_columns"]

Column = Sequence[Value]  # all of one type, that of the input

PREDICT_SIGNATURE = "predict"
OUTPUT = "click_probability"
CREATIVE_STATUS = "creative_status"
_FLOAT_KINDS = {float, int, str, type(None)}
_DTYPES: dict[str, Dtype] = {"DT_FLOAT": "DT_FLOAT", "DT_INT64": "DT_INT64", "DT_STRING": "DT_STRING"}


@dataclass(frozen=True)
class ModelInputs:
    """Inputs of a served version's signature `predict`: name -> dtype.

    Attributes:
        version: the version whose inputs they are; None where they come from a feature table.
        gives_status: whether it answers with `creative_status`; None where nobody asked.
    """

    version: int | None
    dtypes: Mapping[str, Dtype]
    gives_status: bool | None = False


def read_model_inputs(
    model_name: str, version: int, signatures: Mapping[str, tuple[Mapping[str, str], Sequence[str]]]
) -> ModelInputs:
    """Inputs of the signature `predict`, from each signature's input dtypes and output names.

    Raises:
        SignatureError: where the model has no such signature, another output, or a dtype that is not ours.
    """
    if PREDICT_SIGNATURE not in signatures:
        raise SignatureError(
            f"model '{model_name}' version {version} has no signature '{PREDICT_SIGNATURE}', only "
            f"{', '.join(sorted(signatures)) or 'none'}; serve a model that this pipeline pushed"
        )
    inputs, outputs = signatures[PREDICT_SIGNATURE]
    if OUTPUT not in outputs:
        raise SignatureError(
            f"signature '{PREDICT_SIGNATURE}' of model '{model_name}' version {version} gives "
            f"{', '.join(sorted(outputs)) or 'nothing'}, not {OUTPUT}; "
            "serve a model that this pipeline pushed"
        )
    dtypes: dict[str, Dtype] = {}
    for name, dtype in inputs.items():
        ours = _DTYPES.get(dtype)
        if ours is None:
            raise SignatureError(
                f"input '{name}' of model '{model_name}' version {version} is {dtype}; this client sends "
                "DT_FLOAT, DT_INT64 and DT_STRING"
            )
        dtypes[name] = ours
    return ModelInputs(version, dtypes, CREATIVE_STATUS in outputs)


def to_columns(rows: Sequence[Row] | RowSource, inputs: ModelInputs, faults: Faults | None = None) -> dict[str, Column]:
    """Values by input, one for each row, of exactly the inputs that the model has.

    An input `<feature>_hashed` takes the keyed hash of the row's `<feature>`, or what the row has under its own name.
    With `faults`, rows that cannot be sent are named there and count as missing, so that the others come through.

    Raises:
        SettingsError: for a hash without the key in the environment.
        RowError: for a value that cannot be converted, or a row with none of the model's features; not with `faults`.
    """
    source = rows if isinstance(rows, RowSource) else row_source(rows)
    plain_names = {name: name.removesuffix(HASHED_SUFFIX) for name in inputs.dtypes if name.endswith(HASHED_SUFFIX)}
    for index, fields in source.without_any({*inputs.dtypes, *plain_names.values()}):
        _fail(faults, RowError(
            index, "", dict.fromkeys(fields),
            f"none of its fields ({_listed(fields)}) is a feature of the model ({_listed(inputs.dtypes)}); "
            "check the header, or the column separator",
        ))  # fmt: skip
    columns: dict[str, Column] = {}
    for name, dtype in inputs.dtypes.items():
        values = source.values(name)
        if name in plain_names:
            plain = source.values(plain_names[name])
            own = [_converted(row, name, dtype, value, faults) for row, value in enumerate(values)]
            columns[name] = [
                given or _hash_of(row, plain_names[name], plain[row], faults) for row, given in enumerate(own)
            ]
        else:
            columns[name] = _whole_column(dtype, values) or [
                _converted(row, name, dtype, value, faults) for row, value in enumerate(values)
            ]
    return columns


def _whole_column(dtype: Dtype, values: list[object]) -> list[Value] | None:
    """The column at one stroke where its values are of the common kinds for the input; None where they are not.

    Value by value it would take several times as long, and that is most of a request's cost.
    """
    kinds = set(map(type, values))
    if dtype == "DT_STRING" and kinds == {str}:
        try:
            return list(map(str.encode, values))  # type: ignore[arg-type]  # all are str
        except UnicodeEncodeError:
            return None
    if dtype == "DT_FLOAT" and kinds <= _FLOAT_KINDS:
        try:
            numbers = [math.nan if value is None or value == "" else float(value) for value in values]  # type: ignore[arg-type]  # of the kinds above
            struct.pack(f"<{len(numbers)}f", *numbers)  # raises beyond float32
            return numbers  # type: ignore[return-value]  # lists of floats are lists of values
        except (OverflowError, ValueError, struct.error):
            return None
    if dtype == "DT_INT64" and kinds == {int}:
        whole = cast("list[int]", values)
        return list(whole) if min(whole) > MISSING_INT64 and max(whole) <= MAX_INT64 else None
    return None


def _converted(row: int, field: str, dtype: Dtype, value: object, faults: Faults | None) -> Value:
    if value is None:
        return MISSING[dtype]
    try:
        return CONVERTERS[dtype](row, field, value)
    except RowError as error:
        _fail(faults, error)
        return MISSING[dtype]


def _hash_of(row: int, feature: str, value: object, faults: Faults | None) -> bytes:
    """The keyed hash that the model was trained on, so that the value itself never leaves this process."""
    try:
        plain = to_bytes(row, feature, value)
    except RowError as error:
        _fail(faults, RowError(row, feature, WITHHELD, error.fix))
        return b""
    return hashed(feature, plain, key_from_environment(feature)).encode() if plain else b""


def _fail(faults: Faults | None, error: RowError) -> None:
    if faults is None:
        raise error from None
    faults.setdefault(error.row, error)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "none"
