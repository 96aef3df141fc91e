"""Calls of the model server, TF Serving or adclick's own, on one gRPC channel."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from configs.gateway import Upstream
from serving.clients.client_columns import OUTPUT, PREDICT_SIGNATURE
from serving.gateway.codes import Refusal
from serving.gateway.field_checks import Value
from serving.gateway.messages import DTYPES, STATE_AVAILABLE, messages
from serving.gateway.row_checks import MISSING, ModelInput

CREATIVE_STATUS = "creative_status"
CALIBRATION_SIGNATURE = "calibration"
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
_MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_SAME_LOG_S = 60.0
_BACKOFF_S, _MAX_BACKOFF_S = 0.01, 0.2

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What the model says of one row."""

    click_probability: float
    creative: str | None
    """What became of the creative, where the model tells: known, image, unreadable or unknown."""
    version: int


class RowsRefusedError(Exception):
    """The model server takes the call for invalid: some row of it, or all of it."""


class ModelCalls:
    """Predict, calibration and status of one model. To be made and used on one event loop."""

    def __init__(self, settings: Upstream, inputs: Sequence[ModelInput]) -> None:
        import grpc.aio

        self._settings, self._inputs = settings, inputs
        options = [
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.enable_retries", 0),  # what is tried again is decided here, where it is counted
            ("grpc.enable_http_proxy", 0),  # a proxy of the environment is for the outside
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            # Where a name has several addresses: calls in turn to each, instead of all of them to the first.
            ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
        ]
        self._channel = grpc.aio.insecure_channel(settings.server, options=options)
        made = messages()
        self._predict = self._channel.unary_unary(_PREDICT, None, made.predict_response.FromString)
        self._status = self._channel.unary_unary(
            _STATUS, made.status_request.SerializeToString, made.status_response.FromString
        )
        self.retries = 0
        self._last_logged, self._last_logged_s = "", -math.inf

    async def predict(self, rows: Sequence[Sequence[Value]], timeout_s: float) -> list[Answer]:
        """An answer for each row of values in the order of the inputs.

        Raises:
            RowsRefusedError: INVALID_ARGUMENT from the server.
            Refusal: `model_unavailable`, `deadline_exceeded`, `model_incompatible`.
        """
        request = predict_request(self._settings.model_name, self._inputs, rows)
        response = await self._exchange(self._predict, request.SerializeToString(), timeout_s)
        answers = _answers(response)
        if len(answers) != len(rows):
            _log.error("the model answered %d rows with %d probabilities", len(rows), len(answers))
            raise Refusal("model_incompatible", "the model's answer does not fit the request")
        return answers

    def missing_row(self) -> list[Value]:
        """A row without values, as the model takes it."""
        return [MISSING[each.dtype] for each in self._inputs]

    async def calibration(self, version: int, timeout_s: float) -> Mapping[str, Sequence[float]]:
        """Outputs of the signature `calibration` of a version.

        Raises:
            RowsRefusedError: the server takes no call without inputs.
            Refusal: as in `predict`; `model_incompatible` where the version has no such signature.
        """
        request = messages().predict_request()
        request.model_spec.name = self._settings.model_name
        request.model_spec.version.value = version
        request.model_spec.signature_name = CALIBRATION_SIGNATURE
        response = await self._exchange(self._predict, request.SerializeToString(), timeout_s)
        return {name: _floats(tensor) for name, tensor in response.outputs.items()}

    async def versions_in_service(self, timeout_s: float) -> list[int]:
        """Versions that are AVAILABLE, ascending. Raises Refusal."""
        request = messages().status_request()
        request.model_spec.name = self._settings.model_name
        try:
            response = await self._exchange(self._status, request, timeout_s, max_attempts=1)
        except RowsRefusedError:
            return []
        return sorted(each.version for each in response.model_version_status if each.state == STATE_AVAILABLE)

    def _log_once_a_while(self, code: str, details: object) -> None:
        """An outage says the same many times a second."""
        now_s = time.monotonic()
        if code != self._last_logged or now_s - self._last_logged_s >= _SAME_LOG_S:
            # Quoted and cut: such texts repeat what callers sent, line ends included.
            _log.warning("the model server gave no answer: %s: %.500r", code, details)
            self._last_logged, self._last_logged_s = code, now_s

    async def close(self) -> None:
        """Ends the channel; calls under way are cancelled."""
        await self._channel.close()

    async def _exchange(self, method: Any, request: Any, timeout_s: float, max_attempts: int | None = None) -> Any:
        """One call, again only where the server was not reached (UNAVAILABLE) and time is left."""
        import grpc

        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        attempts_left = max_attempts or self._settings.max_attempts
        backoff_s = _BACKOFF_S
        while True:
            attempts_left -= 1
            left_s = deadline_s - loop.time()
            if left_s <= 0:
                raise Refusal("deadline_exceeded", "the model did not answer in time; try again later")
            try:
                response = await method(request, timeout=left_s)
            except grpc.RpcError as error:
                code = error.code()
                if code is not grpc.StatusCode.UNAVAILABLE or not attempts_left:
                    self._log_once_a_while(code.name, error.details())
                    raise _told(code) from None
            else:
                if response is None:  # as gRPC's aio gives what its deserializer cannot read
                    self._log_once_a_while("unreadable", "an answer that is no message of TensorFlow Serving's")
                    raise Refusal("model_incompatible", "the model's answer cannot be read")
                return response
            await asyncio.sleep(min(backoff_s, max(0.0, deadline_s - loop.time())))
            backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)
            self.retries += 1


def predict_request(model_name: str, inputs: Sequence[ModelInput], rows: Sequence[Sequence[Value]]) -> Any:
    """PredictRequest with one tensor of shape [rows] for each input."""
    request = messages().predict_request()
    request.model_spec.name = model_name
    request.model_spec.signature_name = PREDICT_SIGNATURE
    fill_inputs(request, inputs, rows)
    return request


def fill_inputs(request: Any, inputs: Sequence[ModelInput], rows: Sequence[Sequence[Value]]) -> None:
    """Adds one tensor of shape [rows] for each input."""
    size = len(rows)
    for each, column in zip(inputs, zip(*rows, strict=True), strict=True):
        tensor = request.inputs[each.name]
        tensor.dtype, values = DTYPES[each.dtype]
        tensor.tensor_shape.dim.add().size = size
        getattr(tensor, values).extend(column)


def _answers(response: Any) -> list[Answer]:
    version = response.model_spec.version.value
    probabilities = _floats(response.outputs[OUTPUT]) if OUTPUT in response.outputs else []
    if any(not 0.0 <= value <= 1.0 for value in probabilities):  # a NaN too
        _log.error("version %d answered with something that is no probability", version)
        raise Refusal("model_incompatible", "the model's answer is no probability")
    if CREATIVE_STATUS not in response.outputs:
        return [Answer(value, None, version) for value in probabilities]
    creatives = response.outputs[CREATIVE_STATUS].string_val
    if len(creatives) != len(probabilities):
        return []
    return [Answer(p, c.decode("utf-8", "replace"), version) for p, c in zip(probabilities, creatives, strict=True)]


def _floats(tensor: Any) -> list[float]:
    """Values of a float tensor, from whichever field they were sent in."""
    if tensor.tensor_content and len(tensor.tensor_content) % 4 == 0:
        return [float(value) for value in memoryview(tensor.tensor_content).cast("f")]
    return list(tensor.float_val)


def _told(code: Any) -> Exception:
    """What a gRPC error is to the caller; its words stay in the log."""
    import grpc

    codes = grpc.StatusCode
    if code is codes.INVALID_ARGUMENT:
        return RowsRefusedError()
    if code is codes.DEADLINE_EXCEEDED:
        return Refusal("deadline_exceeded", "the model did not answer in time; try again later")
    if code in (codes.UNAVAILABLE, codes.RESOURCE_EXHAUSTED, codes.NOT_FOUND, codes.CANCELLED, codes.ABORTED):
        return Refusal("model_unavailable", "the model cannot be asked just now; try again later", 1.0)
    return Refusal("model_incompatible", "the model does not fit this gateway's feature table")
