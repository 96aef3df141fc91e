"""Runs one Predict request against a loaded model: what gRPC and REST share.

Source: tensorflow_serving/servables/tensorflow/predict_util.cc and tensorflow/cc/saved_model/util.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from serving.models.loader import LoadedModel, Signature
from serving.models.session_call import Array
from serving.request_error import Code, RequestError, invalid_argument

DEFAULT_SIGNATURE = "serving_default"
_RUNNABLE_METHODS = (
    "tensorflow/serving/predict",
    "tensorflow/serving/classify",
    "tensorflow/serving/regress",
)


def find_signature(model: LoadedModel, name: str) -> Signature:
    """The signature a Predict request names; `serving_default` where the name is empty.

    Raises:
        RequestError: FAILED_PRECONDITION where the model has no such signature, INTERNAL where it cannot be
            run.
    """
    wanted = name or DEFAULT_SIGNATURE
    signature = model.signatures.get(wanted)
    if signature is None:
        raise RequestError(Code.FAILED_PRECONDITION, f'Serving signature key "{wanted}" not found.')
    if signature.method_name not in _RUNNABLE_METHODS:
        raise RequestError(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(_RUNNABLE_METHODS)}}}. "
            f"Was: {signature.method_name}",
        )
    return signature


def check_input_names(signature: Signature, sent: Iterable[str]) -> None:
    """Refuses a request whose inputs are not exactly the signature's.

    Raises:
        RequestError: INVALID_ARGUMENT naming what is missing and what is too many.
    """
    sent_names, wanted = set(sent), set(signature.inputs)
    if len(sent_names) != len(wanted):
        raise invalid_argument(
            f"input size does not match signature: {len(sent_names)}!={len(wanted)} "
            f"len({_braced(sent_names)}) != len({_braced(wanted)}). "
            f"Sent extra: {_braced(sent_names - wanted)}. "
            f"Missing but required: {_braced(wanted - sent_names)}."
        )
    for alias in signature.inputs:
        if alias not in sent_names:
            feed = signature.inputs[alias].tensor_name
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {feed}) not found in request and no default "
                f"value provided. Inputs expected to be in the request {_braced(sent_names)}, "
                "or default input alias set: "
            )


def wanted_outputs(signature: Signature, output_filter: Sequence[str]) -> list[str]:
    """Aliases of the outputs to reply with: those of `output_filter`, or all where it is empty.

    Raises:
        RequestError: INVALID_ARGUMENT for an unknown or repeated alias.
    """
    seen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_braced(set(signature.outputs))}."
            )
        if alias in seen:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        seen.append(alias)
    return seen or list(signature.outputs)


def run_prediction(
    model: LoadedModel, signature: Signature, inputs: Mapping[str, Array], outputs: Sequence[str]
) -> dict[str, Array]:
    """The outputs named by `outputs`, in that order.

    Raises:
        RequestError: with TensorFlow's code where the graph refuses the values.
    """
    computed = model.run(signature, inputs)
    return {alias: computed[alias] for alias in outputs}


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
