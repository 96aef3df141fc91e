"""The inputs of an exported model's `predict` signature, and their values for a tf.Example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from components.serving_canary.candidate_server import NotServedError
from configs.features import FeatureTable

PREDICT, DEFAULT = "predict", "serving_default"
OUTPUT = "click_probability"
MISSING: dict[str, Any] = {"DT_FLOAT": math.nan, "DT_INT64": -(1 << 63), "DT_STRING": b""}
"""How a request says that a value is missing: TF Serving wants every input."""
_LISTS = {"DT_FLOAT": "float_list", "DT_INT64": "int64_list", "DT_STRING": "bytes_list"}

Columns = Mapping[str, Sequence[Any]]
"""Values of a batch by input, each of shape [batch]."""


class ModelInput(NamedTuple):
    """One input."""

    name: str
    dtype: str
    """DT_FLOAT, DT_INT64 or DT_STRING."""
    feature: str
    """Its name in tf.Examples."""


def read_inputs(saved_model: Path, table: FeatureTable) -> list[ModelInput]:
    """Read from saved_model.pb, without loading the model. Raises NotServedError for another model than ours."""
    from google.protobuf.message import DecodeError

    graph = saved_model_pb2.SavedModel()
    try:
        graph.ParseFromString((saved_model / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as error:
        raise NotServedError(f"saved_model.pb cannot be read: {error}") from None
    signatures = graph.meta_graphs[0].signature_def if graph.meta_graphs else {}
    for name in (PREDICT, DEFAULT):
        if name not in signatures or OUTPUT not in signatures[name].outputs:
            raise NotServedError(f"the model has no signature {name!r} that gives {OUTPUT}")
    features = {feature.request_name: feature.name for feature in table.model_inputs}
    found = [
        ModelInput(name, types_pb2.DataType.Name(info.dtype), features.get(name, name))
        for name, info in sorted(signatures[PREDICT].inputs.items())
    ]
    odd = next((one for one in found if one.dtype not in MISSING), None)
    if odd is not None:
        raise NotServedError(f"input {odd.name!r} is {odd.dtype}, not one of {', '.join(MISSING)}")
    return found


def columns_of(examples: Sequence[Any], inputs: Sequence[ModelInput]) -> Columns:
    """What a client sends for these tf.Examples."""
    return {one.name: [_value(example, one) for example in examples] for one in inputs}


def _value(example: Any, one: ModelInput) -> Any:
    features = example.features.feature
    if one.feature not in features:
        return MISSING[one.dtype]
    values = getattr(features[one.feature], _LISTS[one.dtype]).value
    return values[0] if values else MISSING[one.dtype]
