"""gRPC Predict: PredictRequest -> one run of one signature -> PredictResponse.

Source: tensorflow_serving/servables/tensorflow/predict_util.cc, RunPredict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.models.loader import LoadedModel, Signature
from serving.models.session_call import Array
from serving.protocol.predict_wire import parse_tensor, short_array
from serving.protocol.prediction import check_all_used, check_input_count, find_signature, missing_input, wanted_outputs
from serving.protocol.prepared_call import Outputs, PreparedCall, Work
from serving.protocol.tensor_proto import array_from_proto, check_dtype, fill_proto


def prepare_predict(
    request: Any, model: LoadedModel, *, check_method_names: bool = False, tensor_content: bool = False
) -> PreparedCall:
    """PredictRequest, or the message of `predict_wire`, to the call that answers it with a PredictResponse.

    `tensor_content`: whether values are sent as bytes rather than in typed fields.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    signature = find_signature(model, request.model_spec.signature_name, check_method_names=check_method_names)
    sent = dict(request.inputs)
    tensors = _tensors(sent, signature, model)
    inputs: dict[str, Array] = {}
    others: dict[str, Any] = {}  # TensorProtos of another dtype than the signature's
    for alias, spec in signature.inputs.items():
        tensor = tensors[alias]
        if type(tensor) is bytes:
            array = short_array(spec, tensor)
            if array is not None:
                inputs[alias] = array
                continue
            tensor = parse_tensor(alias, tensor)
        inputs[alias] = array_from_proto(alias, spec, tensor)
        if tensor.dtype != spec.dtype_enum:
            others[alias] = tensor
    if tensors is not sent:
        check_all_used(signature, sent)
    wanted = wanted_outputs(signature, request.output_filter)
    if others:
        feeds = sorted(signature.inputs, key=lambda alias: signature.inputs[alias].tensor_name)
        for index, alias in enumerate(feeds):
            if alias in others:
                check_dtype(alias, index, signature.inputs[alias], others[alias])
    name = request.model_spec.name

    def reply(outputs: Sequence[Outputs], version: int) -> Any:
        from tensorflow_serving.apis import predict_pb2

        (fetched,) = outputs
        response = predict_pb2.PredictResponse()
        spec = response.model_spec
        spec.name = name
        spec.version.value = version
        spec.signature_name = signature.name
        for alias in wanted:
            fill_proto(response.outputs[alias], signature.outputs[alias], fetched[alias], as_content=tensor_content)
        return response

    return PreparedCall([Work(signature, inputs, wanted)], reply)


def _tensors(sent: Mapping[str, Any], signature: Signature, model: LoadedModel) -> Mapping[str, Any]:
    """TensorProto for each input: what was sent, or the signature's default."""
    defaults = getattr(model.signature_defs.get(signature.name), "defaults", {})
    check_input_count(signature, sent, has_defaults=bool(defaults))
    if sent.keys() == signature.inputs.keys():
        return sent
    tensors = {}
    for alias in signature.inputs:
        if alias in sent:
            tensors[alias] = sent[alias]
        elif alias in defaults:
            tensors[alias] = defaults[alias]
        else:
            raise missing_input(signature, alias, sent, defaults)
    return tensors
