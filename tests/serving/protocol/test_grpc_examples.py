from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from example_model import export_example_model

from serving.models.loader import LoadedModel, load_saved_model
from serving.protocol import grpc_verbs, rest_verbs
from serving.request_error import Code, RequestError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    loaded = load_saved_model(export_example_model(tmp_path_factory.mktemp("examples") / "1"))
    yield loaded
    loaded.close()


def example(**features: float) -> Any:
    from tensorflow.core.example import example_pb2

    message = example_pb2.Example()
    for name, value in features.items():
        if isinstance(value, int):
            message.features.feature[name].int64_list.value.append(value)
        else:
            message.features.feature[name].float_list.value.append(value)
    return message


def request(method: str, signature: str = "", *examples: Any, context: Any = None) -> Any:
    from tensorflow_serving.apis import classification_pb2, regression_pb2

    message = {
        "Classify": classification_pb2.ClassificationRequest,
        "Regress": regression_pb2.RegressionRequest,
    }[method]()
    message.model_spec.name = "m"
    message.model_spec.signature_name = signature
    if context is not None:
        message.input.example_list_with_context.context.CopyFrom(context)
        message.input.example_list_with_context.examples.extend(examples)
    else:
        message.input.example_list.examples.extend(examples)
    return message


def run(prepare: Any, message: Any, model: LoadedModel) -> Any:
    call = prepare(message, model)
    outputs = []
    for work in call.works:
        fetched = model.run(work.signature, work.inputs)
        outputs.append({alias: fetched[alias] for alias in work.outputs})
    return call.reply(outputs, 7)


def grpc(method: str, message: Any, model: LoadedModel) -> Any:
    return run(grpc_verbs.PREPARE[method], message, model)


def rest(verb: str, document: object, model: LoadedModel) -> Any:
    parsed = rest_verbs.PARSE[verb](json.dumps(document).encode())
    return json.loads(run(rest_verbs.PREPARE[verb], parsed, model))


def message_of(caught: pytest.ExceptionInfo[RequestError]) -> str:
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_classify_pairs_labels_with_scores(model: LoadedModel) -> None:
    response = grpc("Classify", request("Classify", "", example(x=0.5), example()), model)
    assert [[(c.label, c.score) for c in row.classes] for row in response.result.classifications] == [
        [("café", 0.5), ("café", -0.5)],
        [("café", -1.0), ("café", 1.0)],
    ]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("m", 7, "serving_default")
    only = grpc("Classify", request("Classify", "classes_only", example()), model)
    assert [(c.label, c.score) for c in only.result.classifications[0].classes] == [("café", 0), ("café", 0)]
    only = grpc("Classify", request("Classify", "scores_only", example()), model)
    assert [(c.label, c.score) for c in only.result.classifications[0].classes] == [("", -1), ("", 1)]


def test_the_context_counts_for_each_example_and_yields_to_it(model: LoadedModel) -> None:
    message = request("Regress", "regress", example(x=0.5), example(query=3), context=example(query=2, x=4.0))
    # 0.5 + 10 * 2; x of the context 4 + 10 * 3
    assert [each.value for each in grpc("Regress", message, model).result.regressions] == [20.5, 34.0]
    column = request("Regress", "regress_column", example(x=0.5))
    assert [each.value for each in grpc("Regress", column, model).result.regressions] == [0.5]


def test_rest_classifies_and_regresses_json_examples(model: LoadedModel) -> None:
    assert rest("classify", {"examples": [{"x": 0.5}]}, model) == {"results": [[["café", 0.5], ["café", -0.5]]]}
    document = {"signature_name": "regress", "context": {"query": 2}, "examples": [{"x": [0.5]}, {"x": []}, {"x": 1.5}]}
    assert rest("regress", document, model) == {"results": [20.5, 19.0, 21.5]}


@pytest.mark.parametrize(
    ("method", "signature", "message"),
    [
        ("Classify", "none", "No signature was found with the name: none"),
        ("Classify", "other_names", "Expected classification signature outputs to contain at least one of"),
        ("Classify", "flat_scores", "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        ("Classify", "half_batch", "Expected scores output batch size of 2. Got: 1"),
        ("Classify", "uneven", "Tensors class and score should match in dim_size(1). Got 2 vs. 1"),
        ("Regress", "serving_default", "Expected one output Tensor."),
        ("Regress", "two_inputs", "Expected one input Tensor."),
        ("Regress", "other_input", "No regression inputs found in SignatureDef: "),
        ("Regress", "scores_only", "No regression outputs found in SignatureDef: "),
        ("Regress", "regress_matrix", "to be either [batch_size] or [batch_size, 1] but got [2,2]"),
        ("Regress", "regress_double", "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
        ("Regress", "regress_one", "Input batch size did not match output batch size: 2 vs. 1"),
    ],
)
def test_unfit_signatures_are_refused(model: LoadedModel, method: str, signature: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        grpc(method, request(method, signature, example(), example()), model)
    assert message in message_of(caught)


def test_no_examples_are_refused(model: LoadedModel) -> None:
    for message in (request("Classify"), request("Classify", context=example())):
        with pytest.raises(RequestError) as caught:
            grpc("Classify", message, model)
        assert message_of(caught) == "Input is empty."


def test_method_names_count_only_when_asked_for(model: LoadedModel) -> None:
    message = request("Regress", "predict", example(x=0.5))
    assert grpc("Regress", message, model).result.regressions[0].value == 0.5
    with pytest.raises(RequestError) as caught:
        grpc_verbs.prepare_calls(check_method_names=True)["Regress"](message, model)
    assert message_of(caught) == (
        "Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/predict"
    )


def multi(*tasks: tuple[str, str, str], examples: int = 1) -> Any:
    from tensorflow_serving.apis import inference_pb2

    message = inference_pb2.MultiInferenceRequest()
    for name, signature, method in tasks:
        task = message.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = name, signature
    message.input.example_list.examples.extend([example(x=0.5)] * examples)
    return message


def test_multi_inference_answers_task_by_task(model: LoadedModel) -> None:
    message = multi(("m", "regress", "regress"), ("m", "", "classify"), examples=2)
    response = grpc("MultiInference", message, model)
    assert [result.model_spec.signature_name for result in response.results] == ["regress", "serving_default"]
    assert [each.value for each in response.results[0].regression_result.regressions] == [0.5, 0.5]
    assert response.results[1].classification_result.classifications[1].classes[1].score == -0.5


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ([("", "regress", "regress")], "Found ModelSpec with an empty model name."),
        ([("m", "regress", "regress"), ("n", "", "classify")], "must access the same model name."),
        (
            [("m", "", "classify"), ("m", "serving_default", "classify")],
            "Duplicate evaluation of signature: serving_default",
        ),
        ([("m", "none", "classify")], "Requested signature not found in model graph: none"),
        ([("m", "regress", "classify")], "Expected classification signature outputs to contain"),
        ([("m", "regress", "predict")], "Unsupported signature method_name: tensorflow/serving/predict"),
    ],
)
def test_unfit_tasks_are_refused(model: LoadedModel, message: list[tuple[str, str, str]], text: str) -> None:
    with pytest.raises(RequestError) as caught:
        grpc("MultiInference", multi(*message), model)
    assert text in caught.value.message
    assert caught.value.code is (Code.UNIMPLEMENTED if "Unsupported" in text else Code.INVALID_ARGUMENT)


def test_multi_inference_without_examples_is_refused(model: LoadedModel) -> None:
    with pytest.raises(RequestError, match=r"Input is empty\."):
        grpc("MultiInference", multi(("m", "regress", "regress"), examples=0), model)
