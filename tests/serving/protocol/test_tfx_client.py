"""TFX's own client, with which its InfraValidator asks a TF Serving whether a model can be served."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from example_model import export_example_model
from server_process import ServerProcess


def test_the_infra_validators_client_takes_the_server_for_tf_serving(tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import classification_pb2, predict_pb2, regression_pb2
    from tfx.components.infra_validator import error_types
    from tfx.components.infra_validator.model_server_clients.tensorflow_serving_client import TensorFlowServingClient

    export_example_model(tmp_path / "click" / "1")
    server = ServerProcess(tmp_path / "click")
    try:
        client = TensorFlowServingClient(f"127.0.0.1:{server.grpc_port}", "click")
        client.WaitUntilModelLoaded(deadline=time.time() + 60, polling_interval_sec=1)
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.append(2)
        requests = [
            predict_pb2.PredictRequest(),
            classification_pb2.ClassificationRequest(),
            regression_pb2.RegressionRequest(),
        ]
        for request, signature in zip(requests, ("predict", "serving_default", "regress"), strict=True):
            request.model_spec.name = "click"
            request.model_spec.signature_name = signature
        values = np.array([example.SerializeToString()], object)
        requests[0].inputs["inputs"].CopyFrom(tf.make_tensor_proto(values))
        for request in requests[1:]:
            request.input.example_list.examples.append(example)
        client.SendRequests(requests)
        requests[2].model_spec.signature_name = "two_inputs"
        with pytest.raises(error_types.ValidationFailed):
            client.SendRequests(requests)
    finally:
        server.stop()
