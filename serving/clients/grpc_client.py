"""gRPC client. TF Serving's messages need TensorFlow's, so making a client imports TensorFlow (seconds)."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from typing import Any

from serving.clients.click_client import ClickClient
from serving.clients.client_columns import (
    CREATIVE_STATUS,
    OUTPUT,
    PREDICT_SIGNATURE,
    Column,
    ModelInputs,
    read_model_inputs,
)
from serving.clients.client_errors import DeadlineError, ServerRefusedError, ServerUnreachableError, SignatureError
from serving.clients.grpc_channel import open_channel
from serving.clients.predictions import Prediction, predictions_from


class GrpcClient(ClickClient):
    """Click probabilities over gRPC, on one channel that is kept open and that all threads share."""

    default_server = "127.0.0.1:8500"

    def _open(self) -> None:
        if self.address.prefix:
            raise ValueError(f"server {self.address.shown}{self.address.prefix} has a path; give host:port for gRPC")
        if self.address.tls and self._tls is None:
            raise ValueError("gRPC over TLS takes tls=TlsOptions(...); give host:port and that")
        from adclick.stack import prepare_environment

        prepare_environment()
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self._channel: Any = open_channel(self.address, self._tls, self.connect_timeout_s)
        self._stub: Any = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._metadata = () if self._token is None else (("authorization", f"Bearer {self._token}"),)

    def _read_inputs(self, deadline: float) -> ModelInputs:
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._choose_model(request.model_spec)
        response = self._exchange(self._stub.GetModelMetadata, request, deadline)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(definitions)
        signatures = {
            name: (
                {alias: types_pb2.DataType.Name(info.dtype) for alias, info in definition.inputs.items()},
                list(definition.outputs),
            )
            for name, definition in definitions.signature_def.items()
        }
        return read_model_inputs(self.model_name, response.model_spec.version.value, signatures)

    def _read_versions(self, deadline: float) -> list[int]:
        from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

        request = get_model_status_pb2.GetModelStatusRequest()
        self._choose_model(request.model_spec)
        stub = model_service_pb2_grpc.ModelServiceStub(self._channel)
        response = self._exchange(stub.GetModelStatus, request, deadline)
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return [int(one.version) for one in response.model_version_status if one.state == available]

    def _predict_columns(self, columns: Mapping[str, Column], inputs: ModelInputs, deadline: float) -> list[Prediction]:
        response = self._exchange(self._stub.Predict, self._request(columns, inputs), deadline)
        if OUTPUT not in response.outputs:
            raise SignatureError(f"the reply of model '{self.model_name}' has no {OUTPUT}")
        outputs, version = response.outputs, response.model_spec.version.value
        statuses = outputs[CREATIVE_STATUS].string_val if CREATIVE_STATUS in outputs else None
        try:
            return predictions_from(outputs[OUTPUT].float_val, version, statuses)
        except ValueError as error:
            raise SignatureError(f"outputs of model '{self.model_name}' differ in length: {error}") from error

    def _request(self, columns: Mapping[str, Column], inputs: ModelInputs) -> Any:
        """PredictRequest with a tensor of shape [batch] for each input."""
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        if inputs.gives_status is not None:  # without a filter every output comes, where it is not known which exist
            request.output_filter.extend([OUTPUT, CREATIVE_STATUS] if inputs.gives_status else [OUTPUT])
        self._choose_model(request.model_spec)
        request.model_spec.signature_name = PREDICT_SIGNATURE
        for name, column in columns.items():
            dtype = inputs.dtypes[name]
            tensor = request.inputs[name]
            tensor.tensor_shape.dim.add(size=len(column))
            if dtype == "DT_FLOAT":
                tensor.dtype = types_pb2.DT_FLOAT
                tensor.tensor_content = struct.pack(f"<{len(column)}f", *column)
            elif dtype == "DT_INT64":
                tensor.dtype = types_pb2.DT_INT64
                tensor.tensor_content = struct.pack(f"<{len(column)}q", *column)
            else:
                tensor.dtype = types_pb2.DT_STRING
                tensor.string_val.extend(column)
        return request

    def _choose_model(self, spec: Any) -> None:
        spec.name = self.model_name
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label

    def _exchange(self, method: Any, request: Any, deadline: float) -> Any:
        """The reply to one call.

        Raises:
            ServerUnreachableError, DeadlineError, ServerRefusedError: no reply, or one that is an error.
        """
        import grpc

        where = f"no answer from {self.address.shown} (gRPC)"
        allowed_s = max(0.001, deadline - time.monotonic())
        try:
            return method(request, timeout=allowed_s, metadata=self._metadata)
        except grpc.RpcError as error:
            code, said = error.code(), error.details() or ""
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineError(f"{where}: nothing within {allowed_s:.3g} s") from error
            if code is grpc.StatusCode.UNAVAILABLE:  # the channel says so too where the connection is lost
                unreachable = ServerUnreachableError(f"{where}: {said}")
                unreachable.retry_after_s = _pushback_s(error)
                raise unreachable from error
            raise ServerRefusedError(code.name, said, retry_after_s=_pushback_s(error)) from error
        except ValueError as error:  # what grpc raises where another thread has closed the channel
            raise ServerUnreachableError(f"{where}: {error}") from error

    def close(self) -> None:
        """Closes the channel; a second time does nothing."""
        super().close()
        self._channel.close()


def _pushback_s(error: Any) -> float | None:
    """How long the server wants to be left alone. Source: gRPC proposal A6, section Pushback."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-retry-pushback-ms" and str(value).isdigit():
            return int(value) / 1000
    return None
