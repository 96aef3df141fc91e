"""REST as tensorflow_serving/model_servers/http_rest_api_handler.cc and util/json_tensor.cc answer it."""

from __future__ import annotations

import base64
import gzip
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from click_model import probability
from server_process import ServerProcess

PREDICT = "/v1/models/click:predict"
ROW = {"bid": 0.5, "hour": 10, "image_path": "", "image_path_bytes": "", "site": "news"}
# 0.1 * 3 + 0.5 + 0.1 * 4 + 0.01 * 10 = 1.3
EXPECTED = probability(3, 0.5, "news", 10)


def named(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"signature_name": "predict", "instances": list(rows)}


def test_rows_are_answered_by_predictions_and_the_version_in_a_header(server: ServerProcess) -> None:
    status, reply, headers = server.rest("POST", PREDICT, named(ROW, {**ROW, "bid": 1.5}))
    assert status == 200
    assert reply == {"predictions": pytest.approx([EXPECTED, probability(3, 1.5, "news", 10)], abs=1e-6)}
    assert headers["adclick-model-version"] == "3"
    assert headers["content-type"] == "application/json"


def test_columns_are_answered_by_outputs(server: ServerProcess) -> None:
    columns = {key: [value] for key, value in ROW.items()}
    body = {"signature_name": "predict", "inputs": columns}
    assert server.rest("POST", PREDICT, body)[1] == {"outputs": pytest.approx([EXPECTED], abs=1e-6)}


def test_missing_values_go_as_nan_empty_string_and_least_int64(server: ServerProcess) -> None:
    row = {"bid": float("nan"), "hour": -(2**63), "image_path": "", "image_path_bytes": "", "site": ""}
    reply = server.rest("POST", PREDICT, named(row))[1]
    assert reply["predictions"] == pytest.approx([probability(3)], abs=1e-6)  # sigmoid(0.3 - 1)


def test_an_examples_signature_takes_base64_without_names(server: ServerProcess) -> None:
    import tensorflow as tf

    features = {
        "bid": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
        "hour": tf.train.Feature(int64_list=tf.train.Int64List(value=[10])),
        "site": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"news"])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    empty = tf.train.Example().SerializeToString()
    body = {"instances": [{"b64": base64.b64encode(item).decode()} for item in (example, empty)]}
    reply = server.rest("POST", PREDICT, body)[1]
    assert reply["predictions"] == pytest.approx([EXPECTED, probability(3)], abs=1e-6)


def test_several_outputs_are_objects_and_bytes_are_base64(server: ServerProcess) -> None:
    row = {"x": [1.0, 2.5], "text": {"b64": base64.b64encode(b"\xff\x00").decode()}}
    status, reply, _ = server.rest("POST", PREDICT, {"signature_name": "wide", "instances": [row]})
    assert status == 200, reply
    assert reply == {"predictions": [{"doubled": [2.0, 5.0], "length": 2, "text_bytes": {"b64": "/wA="}}]}


def test_gzip_bodies_are_inflated_up_to_the_limit(server: ServerProcess) -> None:
    encoded = {"Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(named(ROW)).encode())
    assert server.rest("POST", PREDICT, body, encoded)[1]["predictions"] == pytest.approx([EXPECTED], abs=1e-6)
    bomb = gzip.compress(b" " * 2_000_000)
    assert len(bomb) < 10_000
    status, reply, _ = server.rest("POST", PREDICT, bomb, encoded)
    assert status == 413
    assert reply["error"].startswith("Inflated request body is larger than 1000000 bytes; send fewer rows")
    status, reply, _ = server.rest("POST", PREDICT, body[:-9], encoded)
    assert (status, reply["error"]) == (400, "Request body is not valid gzip: it ends before its end marker")


@pytest.mark.alone
def test_a_body_beyond_the_limit_is_refused(server: ServerProcess) -> None:
    started_s = time.monotonic()
    status, reply, headers = server.rest("POST", PREDICT, b" " * 1_000_001)
    assert status == 413
    assert "larger than 1000000 bytes" in reply["error"]
    assert headers["connection"] == "close"
    status, reply, _ = server.rest("POST", PREDICT, b" " * 50_000_000)
    assert (status, reply["error"][:12]) == (413, "Request body")
    chunked = (b" " * 100_000 for _ in range(20))  # without a length the bytes are counted as they come
    status, reply, _ = server.rest("POST", PREDICT, chunked)
    assert (status, reply["error"][:12]) == (413, "Request body")
    assert time.monotonic() - started_s < 2


@pytest.mark.alone
def test_nesting_beyond_100_levels_is_refused(server: ServerProcess) -> None:
    deep = b'{"instances": ' + b"[" * 400_000 + b"]" * 400_000 + b"}"
    started_s = time.monotonic()
    status, reply, _ = server.rest("POST", PREDICT, deep)
    assert (status, reply["error"]) == (400, "JSON Parse error: Nested deeper than 100 levels")
    assert time.monotonic() - started_s < 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v1/models/other:predict", {"instances": [1]}, 404,
         "Servable not found for request: Latest(other)"),
        ("POST", "/v1/models/click/versions/99:predict", {"instances": [1]}, 404,
         "Servable not found for request: Specific(click, 99)"),
        ("GET", "/v1/models/other/metadata", None, 404, "Servable not found for request: Latest(other)"),
        ("GET", "/v1/models/other", None, 404, "Could not find any versions of model other"),
        ("GET", "/v1/models/click/versions/99", None, 404, "Could not find version 99 of model click"),
        ("GET", "/v1/models/click/labels/stable", None, 400, "Unrecognized servable version label: stable"),
        ("POST", "/v1/models/click/labels/stable:predict", {"instances": [1]}, 400,
         "Unrecognized servable version label: stable"),
        ("POST", PREDICT, {"signature_name": "s", "instances": [1]}, 400,
         'Serving signature name: "s" not found in signature def'),
        ("POST", PREDICT, b"", 400, "JSON Parse error: The document is empty"),
        ("POST", PREDICT, b'{"instances": x}', 400, "JSON Parse error: Invalid value. at offset: 14"),
        ("POST", "/v1/models/other:predict", b"{", 400,
         "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("POST", PREDICT, [1], 400, "JSON Value: [1] Is not object"),
        ("POST", PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
        ("POST", PREDICT, {"inputs": ["a"], "instances": ["a"]}, 400,
         'JSON Value: {\n    "inputs": ["a"],\n    "instances": ["a"]\n} '
         "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "),
        ("POST", PREDICT, {"instances": []}, 400,
         "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        ("POST", PREDICT, {"instances": [7]}, 400,
         "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
         "JSON Value: 7 Type: Number is not of expected type: string"),
        ("POST", PREDICT, named({**ROW, "bid": "x"}), 400,
         "Failed to process element: 0 key: bid of 'instances' list. Error: INVALID_ARGUMENT: "
         'JSON Value: "x" Type: String is not of expected type: float'),
        ("POST", PREDICT, {"signature_name": "predict", "inputs": {"bid": [1.0]}}, 400,
         "Missing named input: hour in 'inputs' object."),
        ("GET", PREDICT, None, 400, "Malformed request: GET /v1/models/click:predict"),
        ("PUT", "/v1/models/click", b"", 400, "Malformed request: PUT /v1/models/click"),
        ("GET", "/v1/models", None, 400, "Missing model name in request."),
        ("DELETE", "/v1/models/click", None, 400, "Malformed request: DELETE /v1/models/click"),
        ("OPTIONS", "/v1/models/click", None, 400, "Origin header is missing in CORS preflight"),
        ("POST", "/v1/models/click:PREDICT", {"instances": [1]}, 400,
         "Malformed request: POST /v1/models/click:PREDICT"),
        ("OPTIONS", "/healthz", None, 404, "Not found: OPTIONS /healthz; the API is below /v1/models"),
        ("GET", "/healthz", None, 404, "Not found: GET /healthz; the API is below /v1/models"),
        ("GET", f"/v1/models/click/versions/{2**63}", None, 400,
         f"Failed to convert version: {2**63} to numeric."),
    ],
)  # fmt: skip
def test_errors_are_worded_as_the_original_words_them(
    server: ServerProcess, method: str, path: str, body: object, status: int, message: str
) -> None:
    assert server.rest(method, path, body)[:2] == (status, {"error": message})


def test_an_input_that_the_graph_refuses_is_a_400_not_a_500(server: ServerProcess) -> None:
    status, reply, _ = server.rest("POST", PREDICT, {"instances": ["no Example"]})
    assert status == 400
    assert "Could not parse example input" in reply["error"]


def test_errors_are_laid_out_as_by_the_originals_printer(server: ServerProcess) -> None:
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/caf%C3%A9"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=10)
    text = '{\n    "error": "Could not find any versions of model caf\u00e9"\n}'
    assert caught.value.read() == text.encode()


def test_only_the_word_metadata_asks_for_metadata(server: ServerProcess) -> None:
    assert list(server.rest("GET", "/V1/Models/click/METADATA")[1]) == ["model_version_status"]


def test_status_lists_versions_with_the_proto_field_names(server: ServerProcess) -> None:
    expected = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert server.rest("GET", "/v1/models/click")[1] == {"model_version_status": [expected]}
    assert server.rest("GET", "/v1/models/click/versions/3")[1] == {"model_version_status": [expected]}


def test_metadata_has_the_signatures(server: ServerProcess) -> None:
    reply = server.rest("GET", "/v1/models/click/metadata")[1]
    assert reply["model_spec"] == {"name": "click", "signature_name": "", "version": "3"}
    signature = reply["metadata"]["signature_def"]["signature_def"]["predict"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["bid"]["dtype"] == "DT_FLOAT"
    assert signature["inputs"]["bid"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }
    assert list(signature["outputs"]) == ["click_probability"]
