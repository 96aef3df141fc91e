"""REST predict: JSON object -> one run of one signature -> JSON bytes.

Source: tensorflow_serving/model_servers/http_rest_api_handler.cc, ProcessPredictRequest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.models.loader import LoadedModel
from serving.protocol.json_reply import outputs_json, predictions_json
from serving.protocol.prediction import DEFAULT_SIGNATURE, check_input_count, find_signature
from serving.protocol.prepared_call import Outputs, PreparedCall, Work
from serving.protocol.rest_json import read_inputs, signature_name
from serving.request_error import invalid_argument


def prepare_predict(document: dict[str, Any], model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """Parsed body of a predict request to the call that answers it with JSON bytes.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    wanted = signature_name(document) or DEFAULT_SIGNATURE
    if wanted not in model.signatures:
        raise invalid_argument(f'Serving signature name: "{wanted}" not found in signature def')
    inputs, in_rows = read_inputs(document, model.signatures[wanted])
    signature = find_signature(model, wanted, check_method_names=check_method_names)
    check_input_count(signature, inputs, has_defaults=False)  # a bare value is taken for the first of many inputs
    write = predictions_json if in_rows else outputs_json

    def reply(outputs: Sequence[Outputs], _version: int) -> bytes:
        (fetched,) = outputs
        return write(fetched, signature.outputs)

    return PreparedCall([Work(signature, inputs, list(signature.outputs))], reply)
