from __future__ import annotations

import base64
import json
import math

import pytest

from serving.clients.client_errors import SignatureError
from serving.clients.predictions import Prediction
from serving.clients.rest_body import predict_body, read_reply


def test_columns_become_tf_servings_json() -> None:
    body = predict_body(
        {
            "bid": [0.1, math.nan, 2.0],
            "hour": [-(2**63), 2**62 + 1, 0],
            "site": [b"news", "ü\0\"".encode(), b"null"],
            "image": [b"", b"\xff\xd8", b"x"],
            "odds": [math.inf, math.nan, -math.inf],
        }
    )  # fmt: skip
    assert b"0.1,NaN,2.0" in body
    assert b"Infinity,NaN,-Infinity" in body
    sent = json.loads(body)
    assert sent["signature_name"] == "predict"
    inputs = sent["inputs"]
    assert inputs["hour"] == [-(2**63), 2**62 + 1, 0]
    assert inputs["site"] == ["news", 'ü\0"', "null"]
    assert inputs["image"] == ["", {"b64": base64.b64encode(b"\xff\xd8").decode()}, "x"]
    assert inputs["bid"][0] == 0.1


@pytest.mark.parametrize(
    "document",
    [
        {"outputs": {"click_probability": [0.25, 1], "creative_status": ["known", "image"]}},
        {
            "predictions": [
                {"click_probability": 0.25, "creative_status": "known"},
                {"click_probability": 1, "creative_status": "image"},
            ]
        },
    ],
)
def test_replies_are_read_in_columns_and_in_rows(document: dict[str, object]) -> None:
    assert read_reply("m", document, 7) == [Prediction(0.25, 7, "known"), Prediction(1.0, 7, "image")]


def test_a_single_output_comes_without_its_name() -> None:
    assert read_reply("m", {"outputs": [0.5]}, None) == [Prediction(0.5, None, None)]
    assert read_reply("m", {"predictions": [0.5]}, None) == [Prediction(0.5, None, None)]


@pytest.mark.parametrize(
    "document",
    [{}, {"outputs": {"score": [1]}}, {"outputs": ["x"]}, {"outputs": None}, {"predictions": [{"score": 1}]},
     {"outputs": {"click_probability": [0.5], "creative_status": []}}],
)  # fmt: skip
def test_other_replies_are_errors(document: dict[str, object]) -> None:
    with pytest.raises(SignatureError, match="the reply of model 'm' has no click_probability"):
        read_reply("m", document, 7)
