"""Signatures that take serialized tf.Examples: classification and regression.

Source: tensorflow_serving/servables/tensorflow/classifier.cc and regressor.cc, GetClassificationSignatureDef,
PreProcessClassification and their counterparts. TF2 models give every signature the method name of predict, so that the
method's name counts only with `--enable_signature_method_name_check`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.models.loader import LoadedModel, Signature
from serving.protocol.prediction import DEFAULT_SIGNATURE
from serving.protocol.prepared_call import Work
from serving.request_error import invalid_argument

CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"
CLASSES, SCORES, REGRESSION = "classes", "scores", "outputs"

_INPUTS = "inputs"


def example_signature(model: LoadedModel, name: str) -> Signature:
    """The signature that a Classify or Regress request names.

    Raises:
        RequestError: INVALID_ARGUMENT where the model has none of this name.
    """
    wanted = name or DEFAULT_SIGNATURE
    if wanted not in model.signatures:
        raise invalid_argument(f"No signature was found with the name: {wanted}")
    return model.signatures[wanted]


def classification_outputs(model: LoadedModel, signature: Signature, *, check_method_name: bool) -> list[str]:
    """Aliases that a classification fetches: `classes`, `scores` or both.

    Raises:
        RequestError: INVALID_ARGUMENT where the signature cannot classify.
    """
    _check_method_name(signature, CLASSIFY_METHOD, "classification", check_method_name)
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if _INPUTS not in signature.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {_text(model, signature)}")
    outputs = [alias for alias in (CLASSES, SCORES) if alias in signature.outputs]
    if not outputs:
        raise invalid_argument(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}". '
            f"Signature was: {_text(model, signature)}"
        )
    return outputs


def regression_outputs(model: LoadedModel, signature: Signature, *, check_method_name: bool) -> list[str]:
    """Alias that a regression fetches.

    Raises:
        RequestError: INVALID_ARGUMENT where the signature cannot regress.
    """
    _check_method_name(signature, REGRESS_METHOD, "regression", check_method_name)
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if _INPUTS not in signature.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {_text(model, signature)}")
    if REGRESSION not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {_text(model, signature)}")
    return [REGRESSION]


def example_work(signature: Signature, outputs: Sequence[str], examples: list[bytes]) -> Work:
    """The run of `signature` on serialized tf.Examples.

    Raises:
        RequestError: INVALID_ARGUMENT where its input takes no strings.
    """
    spec = signature.inputs[_INPUTS]
    if spec.dtype_name != "string":
        raise invalid_argument(f"Expects arg[0] to be {spec.dtype_name} but string is provided (input {_INPUTS})")
    array = np.empty(len(examples), dtype=object)
    array[:] = examples
    return Work(signature, {_INPUTS: array}, outputs)


def _check_method_name(signature: Signature, expected: str, kind: str, check: bool) -> None:
    if check and signature.method_name != expected:
        raise invalid_argument(f"Expected {kind} signature method_name to be {expected}. Was: {signature.method_name}")


def _text(model: LoadedModel, signature: Signature) -> str:
    return str(model.signature_defs.get(signature.name, ""))
