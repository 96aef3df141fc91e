from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from serving.models.loader import LoadedModel, Signature, load_saved_model
from serving.protocol import grpc_verbs, rest_verbs
from serving.protocol.prepared_call import PreparedCall
from serving.request_error import Code, RequestError


@pytest.fixture(scope="module")
def model(exported: Path) -> Iterator[LoadedModel]:
    loaded = load_saved_model(exported / "3")
    yield loaded
    loaded.close()


def answer(call: PreparedCall, model: LoadedModel, version: int = 3) -> Any:
    """What a server does between preparing and replying."""
    outputs = []
    for work in call.works:
        fetched = model.run(work.signature, work.inputs)
        outputs.append({alias: fetched[alias] for alias in work.outputs})
    return call.reply(outputs, version)


def test_predict_answers_over_grpc_and_rest(model: LoadedModel) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.signature_name = "wide"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([[1, 2], [3, 4]])))
    request.inputs["text"].CopyFrom(tf.make_tensor_proto([b"ab", b""]))
    request.output_filter.append("doubled")
    response = answer(grpc_verbs.PREPARE["Predict"](request, model), model)
    assert (response.model_spec.name, response.model_spec.version.value) == ("m", 3)
    assert response.model_spec.signature_name == "wide"
    assert list(response.outputs) == ["doubled"]
    assert list(response.outputs["doubled"].float_val) == [2, 4, 6, 8]

    as_content = grpc_verbs.prepare_calls(check_method_names=False, tensor_content=True)["Predict"]
    doubled = answer(as_content(request, model), model).outputs["doubled"]
    assert (list(doubled.float_val), doubled.tensor_content) == ([], np.float32([2, 4, 6, 8]).tobytes())

    document = rest_verbs.PARSE["predict"](
        b'{"signature_name": "wide", "instances": [{"x": [1, 2], "text": "ab"}, {"x": [3, 4], "text": ""}]}'
    )
    body = answer(rest_verbs.PREPARE["predict"](document, model), model)
    assert isinstance(body, bytes)
    assert json.loads(body)["predictions"][1] == {"doubled": [6.0, 8.0], "length": 0, "text_bytes": {"b64": ""}}


def wide_request(**tensors: Any) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "m", "wide"
    for alias, value in tensors.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


X, TEXT = np.float32([[1, 2]]), [b"ab"]


def refused(request: Any, model: LoadedModel) -> tuple[Code, str]:
    with pytest.raises(RequestError) as caught:
        grpc_verbs.PREPARE["Predict"](request, model)
    return caught.value.code, caught.value.message


def test_wrong_inputs_are_named(model: LoadedModel) -> None:
    assert refused(wide_request(x=X), model) == (
        Code.INVALID_ARGUMENT,
        "input size does not match signature: 1!=2 len({x}) != len({text,x}). "
        "Sent extra: {}. Missing but required: {text}.",
    )
    code, message = refused(wide_request(x=X, texts=TEXT), model)
    assert code is Code.INVALID_ARGUMENT
    assert re.fullmatch(
        r"Signature input alias: text\(feed name: \S+\) not found in request and no default value provided\. "
        r"Inputs expected to be in the request \{texts,x\}, or default input alias set: ",
        message,
    )


def test_wrong_outputs_and_signatures_are_named(model: LoadedModel) -> None:
    request = wide_request(x=X, text=TEXT)
    request.output_filter.extend(["length", "length"])
    assert refused(request, model) == (Code.INVALID_ARGUMENT, "duplicate output tensor alias: length")
    request.output_filter[0] = "z"
    assert refused(request, model)[1] == (
        "output tensor alias not found in signature: z Outputs expected to be in the set {doubled,length,text_bytes}."
    )
    request.model_spec.signature_name = "none"
    assert refused(request, model) == (Code.FAILED_PRECONDITION, 'Serving signature key "none" not found.')


def test_another_dtype_is_told_after_all_else(model: LoadedModel) -> None:
    # The feeds in order of their names: wide_text:0 or the like before wide_x:0.
    request = wide_request(x=np.int64([[1, 2]]), text=TEXT)
    assert refused(request, model)[1] == "Expects arg[1] to be float but int64 is provided (input x)"
    request.output_filter.append("z")
    assert refused(request, model)[1].startswith("output tensor alias not found")


def test_defaults_stand_in_for_inputs_left_out(model: LoadedModel) -> None:
    import tensorflow as tf

    class Definition:
        defaults: ClassVar[dict[str, Any]] = {"text": tf.make_tensor_proto([b"dflt"])}

    with_defaults = LoadedModel(None, model.signatures, {"wide": Definition()})
    call = grpc_verbs.PREPARE["Predict"](wide_request(x=X), with_defaults)
    assert call.works[0].inputs["text"].tolist() == [b"dflt"]
    assert refused(wide_request(x=X, y=X), with_defaults)[1] == (
        "Inputs contains invalid name. Used request inputs: x, request input: x,y"
    )
    assert refused(wide_request(text=TEXT), with_defaults)[1].endswith("or default input alias set: text")


def test_method_names_count_only_when_asked_for(model: LoadedModel) -> None:
    odd = Signature("wide", "custom", model.signatures["wide"].inputs, model.signatures["wide"].outputs)
    named = LoadedModel(None, {"wide": odd}, {})
    request = wide_request(x=X, text=TEXT)
    assert grpc_verbs.PREPARE["Predict"](request, named)
    with pytest.raises(RequestError, match=r"Was: custom") as caught:
        grpc_verbs.prepare_calls(check_method_names=True)["Predict"](request, named)
    assert caught.value.code is Code.INTERNAL


def test_rest_names_the_signature_as_rest_does(model: LoadedModel) -> None:
    def rest_refused(body: bytes) -> tuple[Code, str]:
        with pytest.raises(RequestError) as caught:
            rest_verbs.PREPARE["predict"](rest_verbs.PARSE["predict"](body), model)
        return caught.value.code, caught.value.message

    assert rest_refused(b'{"signature_name": "none", "instances": [1]}') == (
        Code.INVALID_ARGUMENT,
        'Serving signature name: "none" not found in signature def',
    )
    # A bare value where there are many inputs is taken for the first, and then the others are missing.
    code, message = rest_refused(b'{"signature_name": "wide", "instances": [{"b64": "QQ=="}]}')
    assert code is Code.INVALID_ARGUMENT
    assert message.startswith("input size does not match signature: 1!=2 len({text}) != len({text,x}).")
