"""The gateway while its model comes, goes and changes, and while it ends itself."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from gateway_model import SETTINGS, probability
from gateway_process import REPOSITORY, ROW, GatewayProcess, gateway_config, token
from loopback_ports import free_ports
from server_process import ServerProcess


@pytest.fixture
def settings_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder


def test_readiness_confidence_and_versions_follow_the_model(
    gateway_models: Path, settings_folder: Path, tmp_path: Path
) -> None:
    base_path = tmp_path / "click"
    base_path.mkdir()
    shutil.copytree(gateway_models / "1", base_path / "1")
    server = ServerProcess(base_path)
    config = gateway_config(f"127.0.0.1:{server.grpc_port}", upstream={"timeout_s": 2.0})
    gateway = GatewayProcess(settings_folder, config)
    try:
        gateway.wait_until_ready(timeout_s=90)
        first = gateway.predict(ROW)[1]
        assert first["model_version"] == 1
        assert first["prediction"]["confidence"]["impressions"] == 400
        shutil.copytree(gateway_models / "2", tmp_path / "2")
        (tmp_path / "2").rename(base_path / "2")
        server.wait_for_line("version 2")
        second = _first_answer_of(gateway, 2)
        assert second["prediction"]["click_probability"] == pytest.approx(probability(2, 1.0, "abc"), abs=1e-6)
        assert second["prediction"]["confidence"] is None
        assert second["prediction"]["confidence_reason"] == "model_has_no_calibration"
        assert server.stop() == 0
        gateway.wait_until_ready(False)
        assert gateway.http("GET", "/healthz")[0] == 200
        status, answer, headers = gateway.predict(ROW)
        assert (status, answer["code"]) == (503, "model_unavailable")
        assert headers["retry-after"] == "1"
        assert gateway.predict([ROW, ROW])[0] == 503
        assert str(server.grpc_port) not in json.dumps(answer)
    finally:
        gateway.stop()
        if server.process.poll() is None:
            server.stop()


def _first_answer_of(gateway: GatewayProcess, version: int) -> Any:
    deadline = time.monotonic() + 20
    while True:
        answer = gateway.predict(ROW)[1]
        if answer["model_version"] == version:
            return answer
        assert time.monotonic() < deadline, f"version {version} did not answer"
        time.sleep(0.05)


def test_a_gateway_that_ends_says_so_first_and_answers_what_it_took(
    model_server: ServerProcess, settings_folder: Path
) -> None:
    config = gateway_config(f"127.0.0.1:{model_server.grpc_port}", listen={"drain_delay_s": 1.0})
    gateway = GatewayProcess(settings_folder, config)
    gateway.wait_until_ready()
    statuses: list[int] = []

    def ask() -> None:
        """As behind a balancer: sends nothing more here once an answer asks to close the connection."""
        connection, bearer = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30), token()
        closing = False
        while not closing:
            connection.request("POST", "/v1/predict", json.dumps(ROW), {"Authorization": f"Bearer {bearer}"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            closing = response.headers["connection"] == "close"

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    slow = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    body = json.dumps(ROW).encode()
    slow.putrequest("POST", "/v1/predict")
    slow.putheader("Authorization", f"Bearer {token()}")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders(body[:10])
    time.sleep(0.3)
    gateway.process.terminate()
    time.sleep(0.3)
    assert gateway.http("GET", "/readyz")[1]["draining"] is True
    assert gateway.predict(ROW)[2]["connection"] == "close"
    for thread in threads:
        thread.join(30)
    time.sleep(2.0)  # beyond the drain's delay of 1 s
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gateway.port)).close()
    slow.send(body[10:])
    assert json.loads(slow.getresponse().read())["code"] == "ok"
    slow.close()
    assert gateway.process.wait(30) == 0
    assert len(statuses) > 8
    assert set(statuses) == {200}
    assert gateway.wait_for_line("stopped")


def test_a_client_beyond_its_rate_is_told_when_to_come_back(model_server: ServerProcess, settings_folder: Path) -> None:
    config = gateway_config(
        f"127.0.0.1:{model_server.grpc_port}",
        rate_limit={"rows_per_s": 0.1, "burst_rows": 4},
        limits={"max_rows": 4},
        docs=False,
    )
    gateway = GatewayProcess(settings_folder, config)
    try:
        gateway.wait_until_ready()
        assert gateway.predict([ROW] * 3)[0] == 200
        assert gateway.predict(ROW)[0] == 200
        status, answer, headers = gateway.predict(ROW)
        assert (status, answer["code"]) == (429, "rate_limited")
        assert headers["retry-after"] == "10"  # one row at 0.1 a second
        assert gateway.predict(ROW, token(sub="client-b"))[0] == 200
        assert gateway.http("GET", "/docs")[0] == 404
    finally:
        assert gateway.stop() == 0


def test_redis_enriches_and_its_outage_leaves_rows_as_they_are(
    model_server: ServerProcess, settings_folder: Path, redis_process: Any
) -> None:
    config = gateway_config(
        f"127.0.0.1:{model_server.grpc_port}",
        enrichment={
            "store": "redis",
            "kinds": {"mail": {"key": "email", "fields": ["bid"]}},
            "redis": {"url_variable": "TEST_REDIS_URL", "pause_s": 0.1, "timeout_s": 1.0},
        },
    )
    gateway = GatewayProcess(settings_folder, config, {"TEST_REDIS_URL": redis_process.url})
    row = {"impression_id": 1, "timestamp": 0, "site": "abc", "email": "a@b.example"}
    try:
        gateway.wait_until_ready()
        writer = {"Authorization": f"Bearer {token(scope='enrichment:write')}"}
        assert gateway.http("PUT", "/v1/enrichment/mail/a@b.example", {"bid": 2.5}, writer)[0] == 200
        prediction = gateway.predict(row)[1]["prediction"]
        assert prediction["click_probability"] == pytest.approx(probability(1, 2.5, "abc"), abs=1e-6)
        assert "warnings" not in prediction
        (key,) = redis_process.client.keys("*")
        assert b"a@b.example" not in key  # a personal value is looked up by its hash
        redis_process.stop()
        prediction = gateway.predict(row)[1]["prediction"]
        assert prediction["click_probability"] == pytest.approx(probability(1, 0.0, "abc"), abs=1e-6)
        assert prediction["warnings"] == ["enrichment_unavailable"]
        assert gateway.metric("adclick_gateway_enrichment_outages_total") == 1
        status, answer, _ = gateway.http("PUT", "/v1/enrichment/mail/a@b.example", {"bid": 2.5}, writer)
        assert (status, answer["code"]) == (503, "enrichment_unavailable")
        redis_process.start()
        redis_process.client.set(key, b'{"bid": 1.5, "site": 7}')
        time.sleep(0.15)  # the pause after the failure
        prediction = gateway.predict(row)[1]["prediction"]
        assert prediction["click_probability"] == pytest.approx(probability(1, 1.5, "abc"), abs=1e-6)
    finally:
        assert gateway.stop() == 0


def test_a_model_of_another_feature_table_is_told_before_requests_come(
    model_server: ServerProcess, settings_folder: Path
) -> None:
    (settings_folder / "settings.yaml").write_text(SETTINGS.replace("- {name: bid, ", "- {name: bids, "))
    gateway = GatewayProcess(settings_folder, gateway_config(f"127.0.0.1:{model_server.grpc_port}"))
    try:
        deadline = time.monotonic() + 20
        while gateway.http("GET", "/readyz")[1]["fault"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert gateway.http("GET", "/readyz")[0] == 503
        row = {"impression_id": 1, "timestamp": 0, "site": "abc"}
        assert gateway.predict(row)[1]["code"] == "model_incompatible"
    finally:
        assert gateway.stop() == 0


def test_a_port_that_is_taken_and_settings_that_cannot_be_used_end_with_status_2(settings_folder: Path) -> None:
    (port,) = free_ports(1)
    config = gateway_config("127.0.0.1:1", listen={"port": port})
    (settings_folder / "gateway.yaml").write_text(json.dumps(config))  # JSON is YAML

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "adclick.cli", "gateway", "--config", str(settings_folder / "gateway.yaml")]
        environment = {name: value for name, value in os.environ.items() if name != "TEST_JWT_SECRET"}
        done = subprocess.run(
            [*command, *words], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stderr

    status, said = run()
    assert status == 2
    assert "TEST_JWT_SECRET is not set; set it to a random secret of at least 32 bytes" in said
    with socket.create_server(("127.0.0.1", port)):
        status, said = run()
    assert status == 2
    assert f"cannot listen on 127.0.0.1:{port}" in said
