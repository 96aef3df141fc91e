from __future__ import annotations

from typing import Any

import pytest

from serving.protocol.model_spec import read_model_spec
from serving.request_error import RequestError


def refused(request: Any) -> str:
    with pytest.raises(RequestError) as caught:
        read_model_spec(request)
    return caught.value.message


def test_version_and_label_are_a_choice() -> None:
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    assert read_model_spec(request) == ("m", None, None)
    request.model_spec.version.value = 0  # a version like any other, not the latest
    assert read_model_spec(request) == ("m", 0, None)
    request.model_spec.version_label = "canary"
    assert read_model_spec(request) == ("m", None, "canary")


def test_a_missing_spec_comes_before_a_missing_name() -> None:
    from tensorflow_serving.apis import classification_pb2, predict_pb2

    assert refused(predict_pb2.PredictRequest()) == "Missing ModelSpec"
    request = classification_pb2.ClassificationRequest()
    request.model_spec.signature_name = "s"
    assert refused(request) == "ModelSpec has no name specified."


def test_metadata_fields_come_before_the_name() -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest()
    assert refused(request) == "Missing ModelSpec"
    request.model_spec.SetInParent()
    assert refused(request) == "GetModelMetadataRequest must specify at least one metadata_field"
    request.metadata_field.extend(["signature_def", "bogus"])
    assert refused(request) == "Metadata field bogus is not supported"
    del request.metadata_field[1]
    assert refused(request) == "ModelSpec has no name specified."


def test_multi_inference_is_looked_up_by_its_first_task() -> None:
    from tensorflow_serving.apis import inference_pb2

    request = inference_pb2.MultiInferenceRequest()
    assert refused(request) == "ModelSpec has no name specified."
    request.tasks.add()
    assert refused(request) == "ModelSpec has no name specified."
    request.tasks[0].model_spec.name = "m"
    request.tasks[0].model_spec.version.value = 2
    assert read_model_spec(request) == ("m", 2, None)
