"""Prepares a Predict warm-up record, where the server does not plug in its own way of doing so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.models.loader import LoadedModel
from serving.protocol.prediction import check_input_names, find_signature, wanted_outputs
from serving.protocol.prepared_call import Outputs, PreparedCall, Work
from serving.protocol.tensor_proto import array_from_proto


def prepare_predict(request: Any, model: LoadedModel) -> PreparedCall:
    """The call of a PredictRequest, without a reply.

    Raises:
        RequestError: as a Predict request would.
    """
    signature = find_signature(model, request.model_spec.signature_name)
    check_input_names(signature, request.inputs)
    inputs = {alias: array_from_proto(alias, spec, request.inputs[alias]) for alias, spec in signature.inputs.items()}
    outputs = wanted_outputs(signature, request.output_filter)
    return PreparedCall([Work(signature, inputs, outputs)], _no_reply)


def _no_reply(computed: Sequence[Outputs], version: int) -> None:
    del computed, version
