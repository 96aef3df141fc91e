"""Bodies of predict requests for one served click model, from rows of its data: the same rows for every server."""

from __future__ import annotations

import base64
import csv
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.clients.client_columns import ModelInputs, to_columns

IMAGE_FEATURE = "image_path"
KINDS = ("columns", "known_creative", "image_bytes")
"""Rows without an image, rows whose creative the model knows, rows with the bytes of one that it does not know."""
IMAGE_SIZE_PX = (300, 250)
_FIELDS = {"DT_FLOAT": "float_val", "DT_INT64": "int64_val", "DT_STRING": "string_val"}
_BODIES = 32
_IMAGES = 8


def read_rows(table: Path, count: int) -> list[dict[str, str]]:
    """The first rows of a CSV."""
    with table.open(newline="", encoding="utf-8") as stream:
        return list(itertools.islice(csv.DictReader(stream), count))


def jpegs(seed: int) -> list[bytes]:
    """The simulator's creatives, as JPEG of 300 × 250 pixels."""
    import numpy as np

    from simulator.drawing import CreativeSpec, draw_creative

    made = []
    for index, (warmth, contrast, saturation, clutter) in enumerate(np.random.default_rng(seed).random((_IMAGES, 4))):
        spec = CreativeSpec(f"{index}.jpg", *IMAGE_SIZE_PX, warmth, contrast, saturation, clutter, True, seed, index)
        made.append(draw_creative(spec))
    return made


def rows_of_kind(kind: str, rows: Sequence[Mapping[str, str]], images: Sequence[bytes]) -> list[dict[str, object]]:
    """`rows` as that kind wants them."""
    made: list[dict[str, object]] = []
    for index, row in enumerate(rows):
        changed: dict[str, object] = dict(row)
        if kind == "columns":
            changed[IMAGE_FEATURE] = ""
        elif kind == "image_bytes":
            changed[IMAGE_FEATURE] = f"new/{index}.jpg"
            changed[f"{IMAGE_FEATURE}_bytes"] = images[index % len(images)]
        made.append(changed)
    return made


def rest_bodies(model: ModelInputs, rows: Sequence[Mapping[str, object]], rows_per_request: int) -> tuple[bytes, ...]:
    """JSON in columns, bytes as base64."""
    bodies = []
    for batch in _batches(rows, rows_per_request):
        columns = {name: [_cell(name, value) for value in column] for name, column in to_columns(batch, model).items()}
        bodies.append(json.dumps({"signature_name": "predict", "inputs": columns}).encode())
    return tuple(bodies)


def grpc_bodies(
    model_name: str, model: ModelInputs, rows: Sequence[Mapping[str, object]], rows_per_request: int
) -> tuple[bytes, ...]:
    """Serialized PredictRequests."""
    from tensorflow.core.framework import types_pb2
    from tensorflow_serving.apis import predict_pb2

    bodies = []
    for batch in _batches(rows, rows_per_request):
        request = predict_pb2.PredictRequest(output_filter=["click_probability"])
        request.model_spec.name, request.model_spec.signature_name = model_name, "predict"
        for name, column in to_columns(batch, model).items():
            tensor = request.inputs[name]  # [rows_per_request]
            tensor.dtype = types_pb2.DataType.Value(model.dtypes[name])
            tensor.tensor_shape.dim.add(size=len(column))
            getattr(tensor, _FIELDS[model.dtypes[name]]).extend(column)
        bodies.append(request.SerializeToString())
    return tuple(bodies)


def _batches(rows: Sequence[Mapping[str, object]], size: int) -> list[list[Mapping[str, object]]]:
    around = itertools.cycle(rows)
    return [list(itertools.islice(around, size)) for _ in range(_BODIES)]


def _cell(name: str, value: Any) -> object:
    if not isinstance(value, bytes):
        return value
    return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()
