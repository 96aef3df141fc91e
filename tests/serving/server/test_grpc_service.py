"""gRPC as tensorflow_serving/model_servers/prediction_service_impl.cc and predict_util.cc answer it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from click_model import MISSING_INT64, probability
from server_process import ServerProcess


@pytest.fixture(scope="module")
def channel(server: ServerProcess) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel: Any) -> Any:
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(signature: str = "predict", **inputs: Any) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "click"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def full_request(bid: float = 0.5) -> Any:
    return predict_request(
        bid=np.float32([bid]), hour=np.int64([10]), image_path=[""], image_path_bytes=[""], site=["news"]
    )


def error_of(call: Any, request: Any) -> tuple[Any, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10)
    return caught.value.code(), caught.value.details()


def test_predict_echoes_name_version_and_signature_and_fills_typed_fields(stub: Any) -> None:
    response = stub.Predict(full_request(), timeout=10)
    assert response.model_spec.name == "click"
    assert response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "predict"
    output = response.outputs["click_probability"]
    assert output.tensor_content == b""
    assert list(output.float_val) == pytest.approx([probability(3, 0.5, "news", 10)], abs=1e-6)


def test_an_empty_signature_name_means_serving_default(stub: Any) -> None:
    response = stub.Predict(predict_request("", examples=[b"", b""]), timeout=10)
    assert response.model_spec.signature_name == "serving_default"
    values = list(response.outputs["click_probability"].float_val)
    assert values == pytest.approx([probability(3)] * 2, abs=1e-6)


def test_grpc_and_rest_agree_bit_by_bit(stub: Any, server: ServerProcess) -> None:
    bids = [-2.0, 0.1, 0.3, float("nan")]
    rows = [{"bid": b, "hour": MISSING_INT64, "image_path": "", "image_path_bytes": "é", "site": "日本"} for b in bids]
    reply = server.rest("POST", "/v1/models/click:predict", {"signature_name": "predict", "instances": rows})[1]
    request = predict_request(
        bid=np.float32(bids), hour=np.int64([MISSING_INT64] * 4), image_path=[""] * 4,
        image_path_bytes=["é"] * 4, site=["日本"] * 4,
    )  # fmt: skip
    over_grpc = stub.Predict(request, timeout=10).outputs["click_probability"].float_val
    assert np.float32(reply["predictions"]).tobytes() == np.float32(over_grpc).tobytes()


def test_output_filter_picks_outputs(stub: Any) -> None:
    request = predict_request("wide", x=np.float32([[1, 2]]), text=["ab"])
    request.output_filter.append("length")
    response = stub.Predict(request, timeout=10)
    assert {name: list(value.int_val) for name, value in response.outputs.items()} == {"length": [2]}


def test_predict_errors_are_worded_as_the_original_words_them(stub: Any) -> None:
    from tensorflow_serving.apis import predict_pb2

    code = grpc.StatusCode
    assert error_of(stub.Predict, predict_pb2.PredictRequest()) == (
        code.INVALID_ARGUMENT,
        "Missing ModelSpec",
    )
    nameless = full_request()
    nameless.model_spec.name = ""
    assert error_of(stub.Predict, nameless) == (code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
    other = full_request()
    other.model_spec.version.value = 99
    assert error_of(stub.Predict, other) == (
        code.NOT_FOUND, "Servable not found for request: Specific(click, 99)",
    )  # fmt: skip
    labelled = full_request()
    labelled.model_spec.version_label = "stable"
    assert error_of(stub.Predict, labelled) == (
        code.INVALID_ARGUMENT, "Unrecognized servable version label: stable",
    )  # fmt: skip
    assert error_of(stub.Predict, predict_request("s")) == (
        code.FAILED_PRECONDITION, 'Serving signature key "s" not found.',
    )  # fmt: skip
    assert error_of(stub.Predict, predict_request("wide", x=[[1.0]], y=[1], z=[1])) == (
        code.INVALID_ARGUMENT,
        "input size does not match signature: 3!=2 len({x,y,z}) != len({text,x}). "
        "Sent extra: {y,z}. Missing but required: {text}.",
    )
    filtered = full_request()
    filtered.output_filter.append("z")
    assert error_of(stub.Predict, filtered) == (
        code.INVALID_ARGUMENT,
        "output tensor alias not found in signature: z Outputs expected to be in the set {click_probability}.",
    )
    filtered.output_filter[:] = ["click_probability", "click_probability"]
    assert error_of(stub.Predict, filtered) == (
        code.INVALID_ARGUMENT, "duplicate output tensor alias: click_probability",
    )  # fmt: skip
    wrong = full_request()
    wrong.inputs["bid"].CopyFrom(wrong.inputs["site"])
    assert error_of(stub.Predict, wrong) == (
        code.INVALID_ARGUMENT, "Expects arg[0] to be float but string is provided (input bid)",
    )  # fmt: skip


def test_a_small_message_that_declares_gigabytes_is_refused(stub: Any) -> None:
    request = full_request()
    assert list(request.inputs["bid"].float_val) == [0.5]
    request.inputs["bid"].tensor_shape.dim[0].size = 2**29
    assert error_of(stub.Predict, request) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "tensor parsing error: bid: shape [536870912] declares 536870912 values but 1 are sent",
    )


def test_a_message_beyond_the_limit_is_refused(stub: Any) -> None:
    request = full_request()
    request.inputs["site"].string_val[0] = b"x" * 1_000_001
    code, _ = error_of(stub.Predict, request)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_every_inference_method_is_there(stub: Any) -> None:
    from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

    missing = (grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
    assert error_of(stub.Classify, classification_pb2.ClassificationRequest()) == missing
    assert error_of(stub.Regress, regression_pb2.RegressionRequest()) == missing
    code, _ = error_of(stub.MultiInference, inference_pb2.MultiInferenceRequest())
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_body_that_is_no_message_is_the_clients_fault(channel: Any) -> None:
    for service, method in (("PredictionService", "Predict"), ("ModelService", "GetModelStatus")):
        call = channel.unary_unary(f"/tensorflow.serving.{service}/{method}")
        for body in (b"\xff", full_request().SerializeToString()[:-3]):
            code, message = error_of(call, body)
            assert code is grpc.StatusCode.INVALID_ARGUMENT, message


def test_metadata_takes_signature_def_and_nothing_else(stub: Any) -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "click"
    assert error_of(stub.GetModelMetadata, request)[1] == (
        "GetModelMetadataRequest must specify at least one metadata_field"
    )
    request.metadata_field.append("graph")
    assert error_of(stub.GetModelMetadata, request)[1] == "Metadata field graph is not supported"
    request.metadata_field[:] = ["signature_def"]
    response = stub.GetModelMetadata(request, timeout=10)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(definitions)
    assert response.model_spec.version.value == 3
    assert {"predict", "serving_default", "wide", "slow"} <= set(definitions.signature_def)


def test_model_status(channel: Any) -> None:
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    models = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    assert error_of(models.GetModelStatus, request) == (grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
    request.model_spec.name = "click"
    (only,) = models.GetModelStatus(request, timeout=10).model_version_status
    assert (only.version, only.state, only.status.error_code) == (3, 30, 0)
    request.model_spec.version.value = 99
    assert error_of(models.GetModelStatus, request) == (
        grpc.StatusCode.NOT_FOUND, "Could not find version 99 of model click",
    )  # fmt: skip


def test_long_errors_are_cut_as_the_original_cuts_them(stub: Any) -> None:
    # 'Serving signature key "' takes 23 bytes, which leaves 1001 of 1024: 500 of the letters of two bytes, and a half.
    code, details = error_of(stub.Predict, predict_request("\u00e9" * 600))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert details == 'Serving signature key "' + "\u00e9" * 500 + "...TRUNCATED"
    details = error_of(stub.Predict, predict_request("s" * 989))[1]  # 23 + 989 + 12 = 1024
    assert details == f'Serving signature key "{"s" * 989}" not found.'
