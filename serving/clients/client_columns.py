"""Rows as callers have them -> columns as the model's signature `predict` wants them.

A feature that a row leaves out takes the model's convention for a missing value: "" for strings, NaN for
floats, the least int64 for integers.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adclick.privacy import HASHED_SUFFIX, WITHHELD, hashed, key_from_environment
from serving.clients.client_errors import RowError, SignatureError

Row = Mapping[str, object]
Column = Sequence[float | int | bytes]  # all of one type, that of the input
Dtype = Literal["DT_FLOAT", "DT_INT64", "DT_STRING"]

PREDICT_SIGNATURE = "predict"
OUTPUT = "click_probability"
MISSING_INT64 = -(2**63)
_DTYPES: dict[str, Dtype] = {"DT_FLOAT": "DT_FLOAT", "DT_INT64": "DT_INT64", "DT_STRING": "DT_STRING"}
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True)
class ModelInputs:
    """Inputs of a served version's signature `predict`: name -> dtype."""

    version: int
    dtypes: Mapping[str, Dtype]


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
    return ModelInputs(version, dtypes)


def to_columns(rows: Sequence[Row], inputs: ModelInputs) -> dict[str, Column]:
    """Values by input, one for each row, of exactly the inputs that the model has.

    An input `<feature>_hashed` takes the keyed hash of the row's `<feature>`, or what the row has under its own name.

    Raises:
        SettingsError: for a hash without the key in the environment.
        RowError: for a value that cannot be converted, or a row with none of the model's features.
    """
    hashes = {name: name.removesuffix(HASHED_SUFFIX) for name in inputs.dtypes if name.endswith(HASHED_SUFFIX)}
    for index, row in enumerate(rows):
        if not row.keys() & (inputs.dtypes.keys() | set(hashes.values())):
            raise RowError(
                index, "", dict(row),
                f"none of its fields ({_listed(row)}) is a feature of the model ({_listed(inputs.dtypes)}); "
                "check the header, or the column separator",
            )  # fmt: skip
    columns: dict[str, Column] = {}
    for name, dtype in inputs.dtypes.items():
        convert = _CONVERTERS[dtype]
        columns[name] = [
            _hash_of(index, hashes[name], row[hashes[name]])
            if name in hashes and name not in row and hashes[name] in row
            else convert(index, name, row.get(name))
            for index, row in enumerate(rows)
        ]
    return columns


def _hash_of(row: int, feature: str, value: object) -> bytes:
    """The keyed hash that the model was trained on, so that the value itself never leaves this process."""
    try:
        plain = _to_bytes(row, feature, value)
    except RowError as error:
        raise RowError(row, feature, WITHHELD, error.fix) from None
    return hashed(feature, plain, key_from_environment(feature)).encode() if plain else b""


def _to_float(row: int, field: str, value: object) -> float:
    """float32 goes over the wire; what it cannot hold is refused here, where the row is known."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    fix = "not a number; give one such as 12.5, or leave the field empty where it is missing"
    if not isinstance(value, (int, float, str)):
        raise RowError(row, field, value, fix)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise RowError(row, field, value, fix) from error
    if math.isfinite(number) and abs(number) > _MAX_FLOAT32:
        raise RowError(row, field, value, f"beyond float32; give a number between ±{_MAX_FLOAT32:.4g}")
    return number


_MAX_FLOAT32 = 3.4028234663852886e38


def _to_int64(row: int, field: str, value: object) -> int:
    if value is None or (isinstance(value, str) and not value.strip()):
        return MISSING_INT64
    if isinstance(value, float) and math.isnan(value):
        return MISSING_INT64
    fix = (
        "neither a whole number nor an ISO 8601 time; give one such as 12, or leave the field empty where it is missing"
    )
    try:
        if isinstance(value, str):
            number = _whole_number(value.strip())
        elif isinstance(value, (int, float)) and value == int(value):
            number = int(value)
        else:
            raise RowError(row, field, value, fix)
    except (ValueError, OverflowError) as error:
        raise RowError(row, field, value, fix) from error
    if not MISSING_INT64 < number <= _MAX_INT64:
        raise RowError(row, field, value, f"beyond int64; give a whole number from {MISSING_INT64 + 1} to {_MAX_INT64}")
    return number


def _whole_number(text: str) -> int:
    """An integer as written, or the seconds since 1970 of an ISO 8601 time: the only integers a click model reads."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        number = float(text)  # "3.0" and "1e3", as spreadsheets and pandas write integers beside missing values
        if number != int(number):
            raise ValueError(text) from None
        return int(number)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


def _to_bytes(row: int, field: str, value: object) -> bytes:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return b""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise RowError(row, field, value, "not valid text; give it as UTF-8 or as bytes") from error
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value).encode()
    if isinstance(value, Mapping) and value.keys() == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as error:
            raise RowError(row, field, value, "not valid base64 (RFC 4648, section 4)") from error
    raise RowError(row, field, value, 'neither text nor bytes; give a string, or {"b64": "…"} for bytes')


_CONVERTERS: dict[Dtype, Callable[[int, str, object], float | int | bytes]] = {
    "DT_FLOAT": _to_float,
    "DT_INT64": _to_int64,
    "DT_STRING": _to_bytes,
}


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "none"
