"""gRPC services: PredictionService (Predict, GetModelMetadata) and ModelService (GetModelStatus).

Source: tensorflow_serving/model_servers/prediction_service_impl.cc, model_service_impl.cc and
tensorflow_serving/servables/tensorflow/get_model_metadata_impl.cc. Methods not written here answer
UNIMPLEMENTED.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.models.loader import LoadedModel
from serving.models.version_status import VersionStatus
from serving.models.version_table import VersionTable
from serving.protocol.prediction import (
    DEFAULT_SIGNATURE,
    check_input_names,
    find_signature,
    run_prediction,
    wanted_outputs,
)
from serving.protocol.tensor_proto import array_from_proto, proto_from_array
from serving.request_error import Code, RequestError, invalid_argument

_log = logging.getLogger(__name__)
_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}

Reply = TypeVar("Reply")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """tensorflow.serving.PredictionService over a version table."""

    def __init__(self, table: VersionTable) -> None:
        self._table = table

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 (name fixed by the proto)
        """Runs one signature; the reply echoes model name, version and signature."""
        return _answer(context, lambda: predict(self._table, request))

    def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802 (name fixed by the proto)
        """SignatureDefs of a version."""
        return _answer(context, lambda: model_metadata(self._table, request))


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """tensorflow.serving.ModelService over a version table."""

    def __init__(self, table: VersionTable) -> None:
        self._table = table

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802 (name fixed by the proto)
        """State of one version, or of every version seen."""
        return _answer(context, lambda: model_status(self._table, request))


def predict(table: VersionTable, request: Any) -> Any:
    """PredictResponse for a PredictRequest.

    Raises:
        RequestError: worded as the original words it.
    """
    name, version, label = _model_spec(request)
    with table.acquire(name, version, label) as servable:
        signature = find_signature(servable.model, request.model_spec.signature_name)
        check_input_names(signature, request.inputs)
        inputs = {
            alias: array_from_proto(alias, spec, request.inputs[alias]) for alias, spec in signature.inputs.items()
        }
        wanted = wanted_outputs(signature, request.output_filter)
        outputs = run_prediction(servable.model, signature, inputs, wanted)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = name
    response.model_spec.version.value = servable.version
    response.model_spec.signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    for alias, array in outputs.items():
        response.outputs[alias].CopyFrom(proto_from_array(signature.outputs[alias], array))
    return response


def model_metadata(table: VersionTable, request: Any) -> Any:
    """GetModelMetadataResponse with the field `signature_def`, the only one there is.

    Raises:
        RequestError: for no or another metadata field, or an unknown model or version.
    """
    name, version, label = _model_spec(request)
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for metadata_field in request.metadata_field:
        if metadata_field != "signature_def":
            raise invalid_argument(f"Metadata field {metadata_field} is not supported")
    with table.acquire(name, version, label) as servable:
        definitions = signature_def_map(servable.model)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = servable.version
    response.metadata["signature_def"].Pack(definitions)
    return response


def signature_def_map(model: LoadedModel) -> Any:
    """SignatureDefMap of all signatures of a model."""
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in model.signature_defs.items():
        definitions.signature_def[name].CopyFrom(definition)
    return definitions


def model_status(table: VersionTable, request: Any) -> Any:
    """GetModelStatusResponse for one version, or for all where none is named.

    Raises:
        RequestError: NOT_FOUND where no such version was ever seen.
    """
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    spec = request.model_spec
    version = spec.version.value if spec.HasField("version") else None
    return status_response(table.statuses(spec.name, version))


def status_response(statuses: list[VersionStatus]) -> Any:
    """GetModelStatusResponse that lists `statuses`."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = response.model_version_status.add(version=status.version, state=int(status.state))
        entry.status.error_code = status.error_code.number
        entry.status.error_message = status.error_message
    return response


def make_grpc_server(table: VersionTable, num_threads: int, max_body_bytes: int) -> Any:
    """A gRPC server with both services; ports are added and started by the caller."""
    server = grpc.server(
        futures.ThreadPoolExecutor(num_threads, thread_name_prefix="grpc"),
        options=[
            ("grpc.max_receive_message_length", max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise a second server would silently share the port
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(table), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(table), server)
    return server


def _model_spec(request: Any) -> tuple[str, int | None, str | None]:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    spec = request.model_spec
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    return spec.name, version, spec.version_label if choice == "version_label" else None


def _answer(context: Any, work: Callable[[], Reply]) -> Reply:
    try:
        return work()
    except RequestError as error:
        context.abort(_GRPC_CODES[error.code.number], error.message)
    except Exception as error:
        _log.exception("A gRPC request failed unexpectedly")
        context.abort(_GRPC_CODES[Code.INTERNAL.number], f"{type(error).__name__}: {error}")
    raise AssertionError("context.abort always raises")
