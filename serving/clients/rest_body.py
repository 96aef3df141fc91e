"""JSON of predict requests and replies. Source: tensorflow_serving/util/json_tensor.cc.

Columns go rather than rows: a third of the bytes, as names are not repeated, and less work on both sides.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import orjson

from serving.clients.client_columns import CREATIVE_STATUS, OUTPUT, PREDICT_SIGNATURE, Column
from serving.clients.client_errors import SignatureError
from serving.clients.predictions import Prediction, predictions_from


def predict_body(columns: Mapping[str, Column]) -> bytes:
    """`{"signature_name": "predict", "inputs": {name: [value, …], …}}` in UTF-8."""
    parts = [orjson.dumps(name) + b":" + _column_json(column) for name, column in columns.items()]
    return b'{"signature_name":"%s","inputs":{%s}}' % (PREDICT_SIGNATURE.encode(), b",".join(parts))


def _column_json(column: Column) -> bytes:
    if isinstance(column[0], bytes):
        try:
            return orjson.dumps([value.decode() for value in column])  # type: ignore[union-attr]  # all are bytes
        except UnicodeDecodeError:
            return orjson.dumps([_text_or_base64(value) for value in column])  # type: ignore[arg-type]  # likewise
    # Both infinities and NaN become null. TF Serving's parser and ours read the bare tokens as numbers.
    if isinstance(column[0], float) and (math.inf in column or -math.inf in column):
        return b"[%s]" % b",".join(_NON_FINITE.get(str(value)) or b"%r" % value for value in column)
    return orjson.dumps(column).replace(b"null", b"NaN")


_NON_FINITE = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}


def _text_or_base64(value: bytes) -> object:
    """Text where the bytes are text, else base64: JSON strings hold no other bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def read_reply(model_name: str, document: Mapping[str, Any], version: int | None) -> list[Prediction]:
    """Predictions of a reply in columns, or in rows, as a proxy in front may make them.

    Raises:
        SignatureError: where the reply does not hold what was asked for.
    """
    try:
        if "outputs" in document:
            outputs = document["outputs"]
            columns = outputs if isinstance(outputs, dict) else {OUTPUT: outputs}
        else:
            rows = document["predictions"]
            named = [row if isinstance(row, dict) else {OUTPUT: row} for row in rows]
            columns = {name: [row[name] for row in named] for name in (named[0] if named else ())}
        probabilities = [float(value) for value in columns[OUTPUT]]
        statuses = columns.get(CREATIVE_STATUS)
        return predictions_from(probabilities, version, None if statuses is None else [str(one) for one in statuses])
    except (KeyError, TypeError, ValueError) as error:
        raise SignatureError(f"the reply of model '{model_name}' has no {OUTPUT}: {error!r}") from error
