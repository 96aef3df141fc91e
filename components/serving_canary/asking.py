"""The candidate's answers over gRPC and REST, through both signatures."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from components.serving_canary.signature_inputs import DEFAULT, OUTPUT, PREDICT, ModelInput, columns_of
from components.serving_canary.warmup import default_request, predict_request

TIMEOUT_S = 30.0
WARM_REQUESTS, MEASURED_REQUESTS = 10, 100

Probabilities = npt.NDArray[np.float64]
"""[rows]"""


class AskError(Exception):
    """No answer, or none that can be used; the message says what the server said."""


class GrpcAsker:
    """Over gRPC; for one thread."""

    name = "gRPC"

    def __init__(self, port: int, model_name: str, inputs: Sequence[ModelInput]) -> None:
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=unlimited)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._model_name, self._inputs = model_name, inputs

    def predict(self, examples: Sequence[Any]) -> Probabilities:
        """Raises AskError."""
        return self._ask(predict_request(columns_of(examples, self._inputs), self._inputs, self._model_name))

    def default(self, examples: Sequence[Any]) -> Probabilities:
        """Raises AskError."""
        return self._ask(default_request(examples, self._model_name))

    def _ask(self, request: Any) -> Probabilities:
        try:
            response = self._stub.Predict(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise AskError(f"{error.code().name}: {error.details()}") from None
        if OUTPUT not in response.outputs:
            raise AskError(f"the reply has no {OUTPUT}")
        return np.asarray(tf.make_ndarray(response.outputs[OUTPUT]), np.float64)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


class RestAsker:
    """Over REST, on one connection; for one thread."""

    name = "REST"

    def __init__(self, port: int, model_name: str, inputs: Sequence[ModelInput]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._model_name, self._inputs = model_name, inputs

    def predict(self, examples: Sequence[Any]) -> Probabilities:
        """Raises AskError."""
        columns = columns_of(examples, self._inputs)
        rows = [{name: _cell(name, values[row]) for name, values in columns.items()} for row in range(len(examples))]
        return self._ask(PREDICT, rows)

    def default(self, examples: Sequence[Any]) -> Probabilities:
        """Raises AskError."""
        return self._ask(DEFAULT, [_base64(example.SerializeToString()) for example in examples])

    def _ask(self, signature: str, instances: list[Any]) -> Probabilities:
        body = json.dumps({"signature_name": signature, "instances": instances}, allow_nan=True)
        try:
            self._connection.request(
                "POST", f"/v1/models/{self._model_name}:predict", body, {"Content-Type": "application/json"}
            )
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AskError(str(error) or repr(error)) from None
        if response.status != http.client.OK:
            raise AskError(f"HTTP {response.status}: {text[:300].decode('utf-8', 'replace')}")
        try:
            predictions = json.loads(text)["predictions"]
            return np.array([row[OUTPUT] if isinstance(row, dict) else row for row in predictions], np.float64)
        except (ValueError, KeyError, TypeError) as error:
            raise AskError(f"the reply has no {OUTPUT}: {error!r}") from None

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def _cell(name: str, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    if name.endswith("_bytes"):
        return _base64(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _base64(value)


def _base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def p99_ms(ask: Callable[[Sequence[Any]], Probabilities], example: Any) -> float:
    """99th percentile of the time that one row takes, one request after the other, in ms. Raises AskError."""
    for _ in range(WARM_REQUESTS):
        ask([example])
    seconds = []
    for _ in range(MEASURED_REQUESTS):
        started = time.perf_counter()
        ask([example])
        seconds.append(time.perf_counter() - started)
    return 1e3 * float(np.percentile(seconds, 99, method="higher"))
