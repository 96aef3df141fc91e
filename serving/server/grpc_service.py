"""tensorflow.serving.PredictionService and ModelService as generic handlers of a grpc.aio server.

Handlers take and give bytes: the body's size decides where it is parsed, and a body that is no message is answered
INVALID_ARGUMENT. Source: tensorflow_serving/model_servers/prediction_service_impl.cc and model_service_impl.cc.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from serving.protocol.grpc_verbs import prepare_calls
from serving.protocol.model_metadata import check_metadata_fields
from serving.protocol.model_spec import read_model_spec
from serving.protocol.predict_wire import predict_request_class
from serving.protocol.prepared_call import Prepare
from serving.request_error import Code, RequestError, invalid_argument
from serving.server.admission import Admission
from serving.server.inference import Api, Inference
from serving.server.model_calls import ModelCalls

_log = logging.getLogger(__name__)

_PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
_MODEL_SERVICE = "tensorflow.serving.ModelService"
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Source: model_servers/grpc_status_util.cc. Trailers beyond 8 KB are refused by clients, and a byte may take 3 there.
_MAX_DETAIL_BYTES = 1024
_CUT = "...TRUNCATED"

Handler = Callable[[bytes, Any], Awaitable[bytes]]


def prediction_service(
    inference: Inference,
    calls: ModelCalls,
    admission: Admission,
    *,
    check_method_names: bool = False,
    tensor_content: bool = False,
) -> Any:
    """Handlers of Predict, Classify, Regress, MultiInference and GetModelMetadata."""
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        inference_pb2,
        regression_pb2,
    )

    requests = {
        "Predict": predict_request_class(),
        "Classify": classification_pb2.ClassificationRequest,
        "Regress": regression_pb2.RegressionRequest,
        "MultiInference": inference_pb2.MultiInferenceRequest,
    }
    verbs = prepare_calls(check_method_names=check_method_names, tensor_content=tensor_content)
    handlers = {
        name: _inference_handler(name, requests[name], prepare, inference, admission) for name, prepare in verbs.items()
    }

    async def metadata(body: bytes, _context: Any) -> bytes:
        request = _parse(get_model_metadata_pb2.GetModelMetadataRequest, body)
        return _metadata(request, calls).SerializeToString()  # type: ignore[no-any-return]  # protobuf has no types

    return _service(_PREDICTION_SERVICE, {**handlers, "GetModelMetadata": metadata})


def model_service(calls: ModelCalls) -> Any:
    """Handlers of GetModelStatus and HandleReloadConfigRequest."""
    from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

    async def status(body: bytes, _context: Any) -> bytes:
        request = _parse(get_model_status_pb2.GetModelStatusRequest, body)
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        response = calls.status(*_model_choice(request.model_spec))
        return response.SerializeToString()  # type: ignore[no-any-return]  # protobuf has no types

    async def reload(body: bytes, _context: Any) -> bytes:
        response = await calls.reload(_parse(model_management_pb2.ReloadConfigRequest, body))
        return response.SerializeToString()  # type: ignore[no-any-return]  # protobuf has no types

    return _service(_MODEL_SERVICE, {"GetModelStatus": status, "HandleReloadConfigRequest": reload})


def _inference_handler(
    name: str, request_class: Any, prepare: Prepare, inference: Inference, admission: Admission
) -> Handler:
    api = Api(
        name=name,
        entrypoint="GRPC",
        parse=lambda body: _parse(request_class, body),
        prepare=prepare,
        write=lambda response: response.SerializeToString(),
        counted=name != "MultiInference",
    )

    async def handle(body: bytes, context: Any) -> bytes:
        admitted = admission.enter()
        try:
            admitted.grow(len(body))
            remaining_s = context.time_remaining()
            deadline_s = None if remaining_s is None else time.monotonic() + remaining_s
            reply, _ = await inference.answer(api, body, read_model_spec, deadline_s)
            return reply
        finally:
            admitted.leave()

    return handle


def _metadata(request: Any, calls: ModelCalls) -> Any:
    if not request.HasField("model_spec"):  # in the original's order of checks
        raise invalid_argument("Missing ModelSpec")
    check_metadata_fields(request)
    return calls.metadata_response(*read_model_spec(request))


def _model_choice(spec: Any) -> tuple[str, int | None, str | None]:
    choice = spec.WhichOneof("version_choice")
    return (
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )


def _parse(message_class: Any, body: bytes) -> Any:
    try:
        return message_class.FromString(body)
    except DecodeError as error:
        raise invalid_argument(f"The request is no {message_class.DESCRIPTOR.full_name}: {error}") from error


def _service(name: str, handlers: dict[str, Handler]) -> Any:
    methods = {method: grpc.unary_unary_rpc_method_handler(_answering(handler)) for method, handler in handlers.items()}
    return grpc.method_handlers_generic_handler(name, methods)


def _answering(handler: Handler) -> Handler:
    async def answer(body: bytes, context: Any) -> bytes:
        try:
            return await handler(body, context)
        except RequestError as error:
            await _abort(context, error.code, error.message)
        except Exception as error:
            _log.exception("A gRPC request failed unexpectedly")
            await _abort(context, Code.INTERNAL, f"{type(error).__name__}: {error}")

    return answer


async def _abort(context: Any, code: Code, message: str) -> NoReturn:
    await context.abort(_STATUS_CODES[code.number], _details(message))
    raise AssertionError("context.abort always raises")


def _details(message: str) -> str:
    details = message.encode("utf-8", "replace")
    if len(details) <= _MAX_DETAIL_BYTES:
        return details.decode()
    return details[:_MAX_DETAIL_BYTES].decode("utf-8", "ignore") + _CUT
