"""Which signature a Predict request runs, with which inputs and outputs: what gRPC and REST share.

Source: tensorflow_serving/servables/tensorflow/predict_util.cc and tensorflow/cc/saved_model/util.cc.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from serving.models.loader import LoadedModel, Signature
from serving.request_error import Code, RequestError, invalid_argument

DEFAULT_SIGNATURE = "serving_default"
_RUNNABLE_METHODS = (
    "tensorflow/serving/predict",
    "tensorflow/serving/classify",
    "tensorflow/serving/regress",
)


def find_signature(model: LoadedModel, name: str, *, check_method_names: bool = False) -> Signature:
    """The signature a Predict request names; `serving_default` where the name is empty.

    Raises:
        RequestError: FAILED_PRECONDITION where the model has no such signature, INTERNAL where method names are checked
            (`--enable_signature_method_name_check`) and its is none of the three that a request can run.
    """
    wanted = name or DEFAULT_SIGNATURE
    signature = model.signatures.get(wanted)
    if signature is None:
        raise RequestError(Code.FAILED_PRECONDITION, f'Serving signature key "{wanted}" not found.')
    if check_method_names and signature.method_name not in _RUNNABLE_METHODS:
        raise RequestError(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(_RUNNABLE_METHODS)}}}. "
            f"Was: {signature.method_name}",
        )
    return signature


def check_input_count(signature: Signature, sent: Collection[str], *, has_defaults: bool) -> None:
    """Refuses more inputs than the signature has, and fewer where it has no defaults.

    Raises:
        RequestError: INVALID_ARGUMENT naming what is missing and what is too many.
    """
    excess = len(sent) - len(signature.inputs)
    if excess == 0 or (excess < 0 and has_defaults):
        return
    sent_names, wanted = set(sent), set(signature.inputs)
    raise invalid_argument(
        f"input size does not match signature: {len(sent_names)}!={len(wanted)} "
        f"len({_braced(sent_names)}) != len({_braced(wanted)}). "
        f"Sent extra: {_braced(sent_names - wanted)}. "
        f"Missing but required: {_braced(wanted - sent_names)}."
    )


def missing_input(signature: Signature, alias: str, sent: Iterable[str], defaults: Iterable[str]) -> RequestError:
    """The error for an input that was neither sent nor has a default."""
    return invalid_argument(
        f"Signature input alias: {alias}(feed name: {signature.inputs[alias].tensor_name}) not found in request "
        f"and no default value provided. Inputs expected to be in the request {_braced(sent)}, "
        f"or default input alias set: {','.join(sorted(defaults))}"
    )


def check_all_used(signature: Signature, sent: Iterable[str]) -> None:
    """Refuses names that are no inputs of the signature: with defaults, the count alone does not tell.

    Raises:
        RequestError: INVALID_ARGUMENT listing both.
    """
    if any(alias not in signature.inputs for alias in sent):
        used = sorted(alias for alias in sent if alias in signature.inputs)
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {','.join(used)}, "
            f"request input: {','.join(sorted(sent))}"
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


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
