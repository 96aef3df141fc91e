"""Warm-up requests that travel with a version, so that its first users do not wait for TensorFlow's first runs.

TF Serving and our server run them before a version is available
(tensorflow_serving/servables/tensorflow/saved_model_warmup.cc): a TFRecord file of PredictionLog, at most 1,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.serving_canary.cases import BATCH_ROWS, Case, stripped
from components.serving_canary.signature_inputs import DEFAULT, OUTPUT, PREDICT, Columns, ModelInput, columns_of
from configs.features import FeatureTable

MAX_IMAGE_BYTES = 1 << 20
NUMPY: dict[str, Any] = {"DT_FLOAT": np.float32, "DT_INT64": np.int64, "DT_STRING": object}


def write_warmup(
    file: Path, cases: Sequence[Case], inputs: Sequence[ModelInput], table: FeatureTable, model_name: str
) -> int:
    """Writes one row and a batch under both signatures, and a new creative; returns the number of records."""
    rows = {case.name: [stripped(example, table) for example in case.examples[:BATCH_ROWS]] for case in cases}
    batches = [rows["single row"], rows["largest batch"]]
    new = rows.get("new creative", [])
    if new and new[0].ByteSize() <= MAX_IMAGE_BYTES:
        batches.append(new)
    requests = [
        request
        for batch in batches
        for request in (
            predict_request(columns_of(batch, inputs), inputs, model_name),
            default_request(batch, model_name),
        )
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString(deterministic=True))
    return len(requests)


def predict_request(columns: Columns, inputs: Sequence[ModelInput], model_name: str) -> Any:
    """PredictRequest for the signature `predict`."""
    request = _request(model_name, PREDICT)
    for one in inputs:
        request.inputs[one.name].CopyFrom(tf.make_tensor_proto(np.array(columns[one.name], NUMPY[one.dtype])))
    return request


def default_request(examples: Sequence[Any], model_name: str) -> Any:
    """PredictRequest for the signature `serving_default`."""
    request = _request(model_name, DEFAULT)
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto([example.SerializeToString() for example in examples]))
    return request


def _request(model_name: str, signature: str) -> Any:
    request = predict_pb2.PredictRequest(output_filter=[OUTPUT])
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    return request
