from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.models.loader import LoadedModel, load_saved_model
from serving.protocol import grpc_verbs, rest_verbs
from serving.protocol.prepared_call import PreparedCall


@pytest.fixture(scope="module")
def model(exported: Path) -> Iterator[LoadedModel]:
    loaded = load_saved_model(exported / "3")
    yield loaded
    loaded.close()


def answer(call: PreparedCall, model: LoadedModel, version: int = 3) -> Any:
    """What a server does between preparing and replying."""
    outputs = []
    for work in call.works:
        fetched = model.run(work.signature, work.inputs)
        outputs.append({alias: fetched[alias] for alias in work.outputs})
    return call.reply(outputs, version)


def test_predict_answers_over_grpc_and_rest(model: LoadedModel) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.signature_name = "wide"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([[1, 2], [3, 4]])))
    request.inputs["text"].CopyFrom(tf.make_tensor_proto([b"ab", b""]))
    request.output_filter.append("doubled")
    response = answer(grpc_verbs.PREPARE["Predict"](request, model), model)
    assert (response.model_spec.name, response.model_spec.version.value) == ("m", 3)
    assert response.model_spec.signature_name == "wide"
    assert list(response.outputs) == ["doubled"]
    assert list(response.outputs["doubled"].float_val) == [2, 4, 6, 8]

    document = rest_verbs.PARSE["predict"](
        b'{"signature_name": "wide", "instances": [{"x": [1, 2], "text": "ab"}, {"x": [3, 4], "text": ""}]}'
    )
    body = answer(rest_verbs.PREPARE["predict"](document, model), model)
    assert isinstance(body, bytes)
    assert json.loads(body)["predictions"][1] == {"doubled": [6.0, 8.0], "length": 0, "text_bytes": {"b64": ""}}
