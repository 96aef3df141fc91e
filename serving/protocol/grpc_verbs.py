"""The inference methods of tensorflow.serving.PredictionService, by name.

PREPARE["Predict"](request message, loaded model) gives the checked call, whose reply is the response message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from serving.protocol.grpc_examples import prepare_classify, prepare_multi_inference, prepare_regress
from serving.protocol.grpc_predict import prepare_predict
from serving.protocol.prepared_call import Prepare, PreparedCall


def prepare_calls(*, check_method_names: bool, tensor_content: bool = False) -> Mapping[str, Prepare]:
    """PREPARE with `--enable_signature_method_name_check` and `--enable_serialization_as_tensor_content` as given."""
    methods: dict[str, Callable[..., PreparedCall]] = {
        "Predict": partial(prepare_predict, tensor_content=tensor_content),
        "Classify": prepare_classify,
        "Regress": prepare_regress,
        "MultiInference": prepare_multi_inference,
    }
    return {name: partial(prepare, check_method_names=check_method_names) for name, prepare in methods.items()}


PREPARE = prepare_calls(check_method_names=False)  # the original's default
