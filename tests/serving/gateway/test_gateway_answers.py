"""What the gateway answers, over HTTP, with a real model behind it."""

from __future__ import annotations

import base64
import io
import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway_model import UNDECODABLE, probability
from gateway_process import ROW, GatewayProcess, token
from PIL import Image

from serving.gateway.codes import CODES


def png(side_px: int = 8, tail: bytes = b"") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side_px, side_px)).save(stream, "PNG")
    return stream.getvalue() + tail


def test_an_impression_is_answered_with_probability_confidence_and_version(gateway: GatewayProcess) -> None:
    status, answer, headers = gateway.predict(ROW, **{"X-Request-Id": "my-request.1"})
    # sigmoid(0.1 - 2 + 1 + 0.1 * 3) = sigmoid(-0.6) = 0.354, in the bin above 0.3 and up to 0.6: 200 clicks of 400
    assert status == 200
    assert answer["prediction"].pop("click_probability") == pytest.approx(probability(1, 1.0, "abc"), abs=1e-6)
    # Wilson, by hand: z² = 3.8415; centre (0.5 + z²/800)/(1 + z²/400) = 0.5, half 1.96/1.0096·√(0.25/400 + z²/640000)
    half = 1.959964 / (1 + 3.841459 / 400) * math.sqrt(0.25 / 400 + 3.841459 / (4 * 400 * 400))
    confidence = answer["prediction"].pop("confidence")
    assert confidence == pytest.approx(
        {"observed_click_rate": 0.5, "low": 0.5 - half, "high": 0.5 + half, "impressions": 400}, abs=1e-5
    )
    assert answer == {
        "success": True,
        "code": "ok",
        "message": "",
        "prediction": {"creative": "unknown"},
        "model_version": 1,
        "request_id": "my-request.1",
    }
    assert headers["x-request-id"] == "my-request.1"


def test_a_bin_without_rows_gives_no_confidence_and_says_why(gateway: GatewayProcess) -> None:
    answer = gateway.predict({**ROW, "bid": 4.0})[1]  # sigmoid(2.4) = 0.92, above 0.6
    assert answer["prediction"]["confidence"] is None
    assert answer["prediction"]["confidence_reason"] == "no_impressions_with_such_a_score"


def test_a_list_is_answered_in_order_and_rows_fail_alone(gateway: GatewayProcess) -> None:
    rows: list[Any] = [{**ROW, "bid": float(bid)} for bid in range(4)]
    rows[1] = {**ROW, "agee": 3}
    rows[2] = {**ROW, "image_bytes": base64.b64encode(png(tail=UNDECODABLE)).decode()}
    rows.append({**ROW, "image_bytes": base64.b64encode(png()).decode(), "image": "images/new.png"})
    rows.append({**ROW, "image": "images/known.jpg"})
    status, answer, _ = gateway.predict(rows)
    assert (status, answer["success"], answer["code"]) == (200, False, "rows_failed")
    assert answer["message"] == "2 of 6 rows were not answered"
    told = answer["predictions"]
    assert [each["code"] for each in told] == ["ok", "field_unknown", "image_unreadable", "ok", "ok", "ok"]
    assert told[1]["message"] == "no field 'agee'; did you mean 'age'?"
    found = [each["prediction"]["click_probability"] for each in told if each["success"]]
    wanted = [
        probability(1, 0.0, "abc"),
        probability(1, 3.0, "abc"),
        probability(1, 1.0, "abc", png()),
        probability(1, 1.0, "abc"),
    ]
    assert found == pytest.approx(wanted, abs=1e-6)
    creatives = [each["prediction"]["creative"] for each in told if each["success"]]
    assert creatives == ["unknown", "unknown", "image", "known"]


def test_concurrent_requests_share_calls_and_get_their_own_answers(gateway: GatewayProcess) -> None:
    bearer = token()
    bids = [i / 40 for i in range(80)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda bid: gateway.predict({**ROW, "bid": bid}, bearer)[1], bids))
    found = [answer["prediction"]["click_probability"] for answer in answers]
    assert found == pytest.approx([probability(1, bid, "abc") for bid in bids], abs=1e-6)
    assert len({answer["request_id"] for answer in answers}) == 80


def test_an_undecodable_image_fails_alone_among_concurrent_requests(gateway: GatewayProcess) -> None:
    good, bad = base64.b64encode(png()).decode(), base64.b64encode(png(tail=UNDECODABLE)).decode()
    images = [bad if i % 5 == 0 else good for i in range(20)]
    bearer = token()
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda image: gateway.predict({**ROW, "image_bytes": image}, bearer), images))
    assert [status for status, _, _ in answers] == [422 if i % 5 == 0 else 200 for i in range(20)]
    assert {answer["code"] for status, answer, _ in answers if status == 422} == {"image_unreadable"}


def test_missing_fields_are_filled_from_what_is_known_of_the_user(gateway: GatewayProcess) -> None:
    row = {name: value for name, value in ROW.items() if name != "bid"}
    known, unknown = ({**row, "user_id": user} for user in ("u1", "u2"))
    assert gateway.predict(known)[1]["prediction"]["click_probability"] == pytest.approx(probability(1, 0.5, "abc"))
    assert gateway.predict(unknown)[1]["prediction"]["click_probability"] == pytest.approx(probability(1, 0, "abc"))
    own = gateway.predict({**known, "bid": 2})[1]
    assert own["prediction"]["click_probability"] == pytest.approx(probability(1, 2.0, "abc"))


def test_entries_are_put_with_the_scope_for_it_only(gateway: GatewayProcess) -> None:
    def put(kind: str, entry: object, **claims: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token(**claims)}"}
        status, answer, _ = gateway.http("PUT", f"/v1/enrichment/{kind}/u7", entry, headers)
        return status, answer["code"]

    writer = {"scope": "read enrichment:write"}
    assert put("user", {"bid": 1.5}) == (403, "scope_missing")
    assert put("users", {"bid": 1.5}, **writer) == (404, "not_found")
    assert put("user", {"bid": -1}, **writer) == (422, "field_out_of_range")
    assert put("user", {"site": "abc"}, **writer) == (422, "field_unknown")
    assert put("user", {"bid": 1.5}, **writer) == (200, "ok")
    row = {"impression_id": 1, "timestamp": 0, "site": "abc", "user_id": "u7"}
    assert gateway.predict(row)[1]["prediction"]["click_probability"] == pytest.approx(probability(1, 1.5, "abc"))


def test_health_metrics_and_description_need_no_token(gateway: GatewayProcess) -> None:
    assert gateway.http("GET", "/healthz")[:2] == (200, {"alive": True})
    ready = {"ready": True, "draining": False, "fault": None, "model_versions": [1]}
    assert gateway.http("GET", "/readyz")[1] == ready
    counted = gateway.metric('adclick_gateway_requests_total{code="ok",status="200"}')
    gateway.predict(ROW)
    assert gateway.metric('adclick_gateway_requests_total{code="ok",status="200"}') == counted + 1
    description = gateway.http("GET", "/openapi.json")[1]
    content = description["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        assert gateway.predict(example["value"])[1]["code"] == "ok"
    page = gateway.http("GET", "/docs")[1]
    assert all(code in page for code in CODES)
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_the_log_holds_the_requests_without_personal_values(gateway: GatewayProcess) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    row = {**ROW, "site": "logged-site", "email": "someone@example.com", "phone": "555-0100", "user_id": "u9"}
    answer = gateway.predict(row)[1]
    folder = gateway.config_path.parent / "requests"
    deadline = time.monotonic() + 10
    logs: list[Any] = []
    while not logs:
        assert time.monotonic() < deadline, "the request did not turn up in the log"
        time.sleep(0.1)
        files = [str(path) for path in folder.glob("*.tfrecord.gz")]
        records = list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()) if files else []
        logs = [
            log
            for log in map(prediction_log_pb2.PredictionLog.FromString, records)
            if log.predict_log.request.inputs["site"].string_val[0] == b"logged-site"
        ]
    (log,) = logs
    request, response = log.predict_log.request, log.predict_log.response
    # personal fields, raw or hashed, and the image's bytes are left out; keys never were inputs
    assert sorted(request.inputs) == ["age", "bid", "image", "site", "timestamp"]
    assert tf.make_ndarray(request.inputs["bid"]).tolist() == [1.0]
    assert tf.make_ndarray(request.inputs["timestamp"]).tolist() == [1767268800]  # 2026-01-01T12:00:00Z
    logged = tf.make_ndarray(response.outputs["click_probability"]).tolist()
    assert logged == [answer["prediction"]["click_probability"]]
    assert (response.model_spec.name, response.model_spec.version.value) == ("click", 1)
    assert log.log_metadata.sampling_config.sampling_rate == 1.0
    text = log.SerializeToString()
    assert b"someone" not in text
    assert b"555-0100" not in text
