"""gRPC Predict: PredictRequest -> one run of one signature -> PredictResponse.

Source: tensorflow_serving/servables/tensorflow/predict_util.cc, RunPredict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.models.loader import LoadedModel
from serving.protocol.prediction import check_input_names, find_signature, wanted_outputs
from serving.protocol.prepared_call import Outputs, PreparedCall, Work
from serving.protocol.tensor_proto import array_from_proto, fill_proto


def prepare_predict(request: Any, model: LoadedModel) -> PreparedCall:
    """PredictRequest to the call that answers it with a PredictResponse.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    signature = find_signature(model, request.model_spec.signature_name)
    sent = request.inputs
    check_input_names(signature, sent)
    inputs = {alias: array_from_proto(alias, spec, sent[alias]) for alias, spec in signature.inputs.items()}
    wanted = wanted_outputs(signature, request.output_filter)
    name = request.model_spec.name

    def reply(outputs: Sequence[Outputs], version: int) -> Any:
        from tensorflow_serving.apis import predict_pb2

        (fetched,) = outputs
        response = predict_pb2.PredictResponse()
        response.model_spec.name = name
        response.model_spec.version.value = version
        response.model_spec.signature_name = signature.name
        for alias in wanted:
            fill_proto(response.outputs[alias], signature.outputs[alias], fetched[alias])
        return response

    return PreparedCall([Work(signature, inputs, wanted)], reply)
