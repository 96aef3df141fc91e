"""Outputs of classification and regression signatures, checked, as plain values for either protocol.

Source: tensorflow_serving/servables/tensorflow/classifier.cc, PostProcessClassificationResult; regressor.cc,
PostProcessRegressionResult.
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.models.loader import Signature
from serving.models.session_call import Array
from serving.protocol.example_signatures import CLASSES, REGRESSION, SCORES
from serving.protocol.prepared_call import Outputs
from serving.request_error import invalid_argument

Classes = Sequence[tuple[str, float]]
"""(label, score) of each class; "" and 0.0 where the signature gives no labels or no scores."""


def read_classifications(signature: Signature, outputs: Outputs, num_examples: int) -> list[Classes]:
    """The classes of each example.

    Raises:
        RequestError: INVALID_ARGUMENT where the outputs are no [num_examples, num_classes] strings and floats.
    """
    classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for alias, array, dtype in ((CLASSES, classes, "string"), (SCORES, scores, "float")):
        if array is not None:
            _check_matrix(alias, array, signature.outputs[alias].dtype_name, dtype, num_examples)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    num_classes = next(array.shape[1] for array in (classes, scores) if array is not None)
    labels = [[""] * num_classes] * num_examples
    if classes is not None:
        labels = [[label.decode("utf-8", "replace") for label in row] for row in classes.tolist()]
    numbers = [[0.0] * num_classes] * num_examples if scores is None else scores.tolist()
    return [list(zip(*pair, strict=True)) for pair in zip(labels, numbers, strict=True)]


def read_regressions(signature: Signature, outputs: Outputs, num_examples: int) -> Array:
    """The value of each example: float32 of shape [num_examples].

    Raises:
        RequestError: INVALID_ARGUMENT where the output is no float32 of shape [num_examples] or [num_examples, 1].
    """
    array = outputs[REGRESSION]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {_bracketed(array.shape)}"
        )
    if len(array) != num_examples:
        raise invalid_argument(f"Input batch size did not match output batch size: {num_examples} vs. {len(array)}")
    dtype = signature.outputs[REGRESSION].dtype_name
    if dtype != "float":
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: DT_{dtype.upper()}")
    return array.ravel()


def _check_matrix(alias: str, array: Array, dtype: str, expected_dtype: str, num_examples: int) -> None:
    if array.ndim != 2:
        raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {_bracketed(array.shape)}")
    if dtype != expected_dtype:
        raise invalid_argument(f"Expected {alias} Tensor of DT_{expected_dtype.upper()}. Got: DT_{dtype.upper()}")
    if len(array) != num_examples:
        raise invalid_argument(f"Expected {alias} output batch size of {num_examples}. Got: {len(array)}")


def _bracketed(shape: Sequence[int]) -> str:
    return "[" + ",".join(map(str, shape)) + "]"
