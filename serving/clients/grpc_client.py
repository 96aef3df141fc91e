"""gRPC client. TF Serving's messages need TensorFlow's, so making a client imports TensorFlow (seconds)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.clients.click_client import DEFAULT_TIMEOUT_S, ClickClient, Prediction
from serving.clients.client_columns import OUTPUT, PREDICT_SIGNATURE, Column, ModelInputs, read_model_inputs
from serving.clients.client_errors import ServerRefusedError, ServerUnreachableError, SignatureError

_VALUE_FIELDS = {"DT_FLOAT": "float_val", "DT_INT64": "int64_val", "DT_STRING": "string_val"}


class GrpcClient(ClickClient):
    """Click probabilities over gRPC, on one channel that is kept open."""

    def __init__(
        self,
        server: str = "127.0.0.1:8500",
        model_name: str = "adclick",
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        super().__init__(server, model_name, timeout_s)
        from adclick.stack import prepare_environment

        prepare_environment()
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel: Any = grpc.insecure_channel(address, options=unlimited)
        self._stub: Any = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def _read_inputs(self) -> ModelInputs:
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.model_name
        response = self._exchange(self._stub.GetModelMetadata, request)
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

    def _predict_columns(self, columns: Mapping[str, Column]) -> list[Prediction]:
        from tensorflow.core.framework import types_pb2
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(output_filter=[OUTPUT])
        request.model_spec.name = self.model_name
        request.model_spec.signature_name = PREDICT_SIGNATURE
        dtypes = self.model_inputs().dtypes
        for name, column in columns.items():
            tensor = request.inputs[name]  # [batch]
            tensor.dtype = types_pb2.DataType.Value(dtypes[name])
            tensor.tensor_shape.dim.add(size=len(column))
            getattr(tensor, _VALUE_FIELDS[dtypes[name]]).extend(column)
        response = self._exchange(self._stub.Predict, request)
        if OUTPUT not in response.outputs:
            raise SignatureError(f"the reply of model '{self.model_name}' has no {OUTPUT}")
        version = response.model_spec.version.value
        return [Prediction(value, version) for value in response.outputs[OUTPUT].float_val]

    def _exchange(self, method: Any, request: Any) -> Any:
        """The reply to one call.

        Raises:
            ServerUnreachableError, ServerRefusedError: no reply, or one that is an error.
        """
        import grpc

        try:
            return method(request, timeout=self.timeout_s)
        except grpc.RpcError as error:
            code, said = error.code(), error.details()
            # The channel itself reports a lost connection as UNAVAILABLE, a late answer as DEADLINE_EXCEEDED.
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                late = code is grpc.StatusCode.DEADLINE_EXCEEDED
                why = f"nothing within {self.timeout_s:g} s" if late else said
                raise ServerUnreachableError(f"no answer from {self.host}:{self.port} (gRPC): {why}") from error
            raise ServerRefusedError(code.name, said) from error

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()
