"""gRPC Classify, Regress and MultiInference: tf.Examples -> runs of signatures -> response messages.

Source: tensorflow_serving/servables/tensorflow/classification_service.cc, regression_service.cc, multi_inference.cc;
and util.cc, InputToSerializedExampleTensor, which merges a context into each example by putting its bytes before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from serving.models.loader import LoadedModel, Signature
from serving.protocol.example_results import read_classifications, read_regressions
from serving.protocol.example_signatures import (
    CLASSIFY_METHOD,
    REGRESS_METHOD,
    classification_outputs,
    example_signature,
    example_work,
    regression_outputs,
)
from serving.protocol.prediction import DEFAULT_SIGNATURE
from serving.protocol.prepared_call import Outputs, PreparedCall
from serving.request_error import Code, RequestError, invalid_argument

FillResult = Callable[[Any, Signature, Outputs, int], None]
"""(empty result message, signature, outputs, number of examples): fills the message."""


def prepare_classify(request: Any, model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """ClassificationRequest to the call that answers it with a ClassificationResponse.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    from tensorflow_serving.apis import classification_pb2

    signature = example_signature(model, request.model_spec.signature_name)
    outputs = classification_outputs(model, signature, check_method_name=check_method_names)
    return _prepare_one(request, signature, outputs, classification_pb2.ClassificationResponse, _fill_classification)


def prepare_regress(request: Any, model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """RegressionRequest to the call that answers it with a RegressionResponse.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    from tensorflow_serving.apis import regression_pb2

    signature = example_signature(model, request.model_spec.signature_name)
    outputs = regression_outputs(model, signature, check_method_name=check_method_names)
    return _prepare_one(request, signature, outputs, regression_pb2.RegressionResponse, _fill_regression)


def prepare_multi_inference(request: Any, model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """MultiInferenceRequest to the call that answers it with a MultiInferenceResponse: one run for each task.

    Raises:
        RequestError: in the original's words and order of checks; UNIMPLEMENTED for a task that neither classifies nor
            regresses.
    """
    tasks: list[tuple[Signature, list[str], FillResult, str]] = []
    model_name = ""
    seen: set[str] = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        model_name = model_name or task.model_spec.name
        if task.model_spec.name != model_name:
            raise invalid_argument("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        signature = model.signatures.get(name)
        if signature is None:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name == CLASSIFY_METHOD:
            outputs = classification_outputs(model, signature, check_method_name=check_method_names)
            tasks.append((signature, outputs, _fill_classification, "classification_result"))
        elif task.method_name == REGRESS_METHOD:
            outputs = regression_outputs(model, signature, check_method_name=check_method_names)
            tasks.append((signature, outputs, _fill_regression, "regression_result"))
        else:
            raise RequestError(Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
    examples = serialized_examples(request.input)

    def reply(outputs: Sequence[Outputs], version: int) -> Any:
        from tensorflow_serving.apis import inference_pb2

        response = inference_pb2.MultiInferenceResponse()
        for (signature, _, fill, field), fetched in zip(tasks, outputs, strict=True):
            result = response.results.add()
            message = getattr(result, field)
            message.SetInParent()
            fill(message, signature, fetched, len(examples))
            _fill_spec(result.model_spec, model_name, signature, version)
        return response

    return PreparedCall([example_work(signature, aliases, examples) for signature, aliases, _, _ in tasks], reply)


def serialized_examples(request_input: Any) -> list[bytes]:
    """The tf.Examples of an `Input`, serialized, the context merged into each.

    Raises:
        RequestError: INVALID_ARGUMENT where there are none.
    """
    kind = request_input.WhichOneof("kind")
    examples = [example.SerializeToString() for example in getattr(request_input, kind).examples] if kind else []
    if not examples:
        raise invalid_argument("Input is empty.")
    if kind == "example_list_with_context":
        context = request_input.example_list_with_context.context.SerializeToString()
        examples = [context + example for example in examples]
    return examples


def _prepare_one(
    request: Any, signature: Signature, outputs: Sequence[str], response_type: Callable[[], Any], fill: FillResult
) -> PreparedCall:
    examples = serialized_examples(request.input)
    name = request.model_spec.name

    def reply(fetched: Sequence[Outputs], version: int) -> Any:
        response = response_type()
        response.result.SetInParent()
        fill(response.result, signature, fetched[0], len(examples))
        _fill_spec(response.model_spec, name, signature, version)
        return response

    return PreparedCall([example_work(signature, outputs, examples)], reply)


def _fill_classification(result: Any, signature: Signature, outputs: Outputs, num_examples: int) -> None:
    for classes in read_classifications(signature, outputs, num_examples):
        classification = result.classifications.add()
        for label, score in classes:
            classification.classes.add(label=label, score=score)


def _fill_regression(result: Any, signature: Signature, outputs: Outputs, num_examples: int) -> None:
    for value in read_regressions(signature, outputs, num_examples).tolist():
        result.regressions.add(value=value)


def _fill_spec(spec: Any, name: str, signature: Signature, version: int) -> None:
    spec.name = name
    spec.version.value = version
    spec.signature_name = signature.name
