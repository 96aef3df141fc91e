"""One server with everything turned on: mTLS, UNIX socket, health, metrics, CORS, batching, tight limits."""

from __future__ import annotations

import datetime
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from click_model import probability
from server_process import ServerProcess

PREDICT = "/v1/models/click:predict"
ROW = {"bid": 0.5, "hour": 10, "image_path": "", "image_path_bytes": "", "site": "news"}
EXPECTED = probability(3, 0.5, "news", 10)


class Certificates:
    """An authority, and a server's and a client's certificate that it signed; PEM."""

    def __init__(self) -> None:
        self._ca_key, self._ca = None, None
        self.ca_key, self.ca = self._make("authority")
        self.server_key, self.server = self._make("localhost")
        self.client_key, self.client = self._make("client")

    def _make(self, name: str) -> tuple[bytes, bytes]:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._ca.subject if self._ca else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=self._ca is None, path_length=None), critical=True)
            .sign(self._ca_key or key, hashes.SHA256())
        )
        if self._ca is None:
            self._ca_key, self._ca = key, certificate  # type: ignore[assignment]  # None until the first is made
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return private, certificate.public_bytes(pem)


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture(scope="module")
def full_server(
    exported: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("full")
    (folder / "click").mkdir()
    (folder / "click" / "3").symlink_to(exported / "3")
    texts = {"server_key": certificates.server_key, "server_cert": certificates.server, "custom_ca": certificates.ca}
    ssl = "".join(f"{name}: {json.dumps(pem.decode())}\n" for name, pem in texts.items())
    (folder / "ssl.txt").write_text(ssl + "client_verify: true\n")
    (folder / "monitoring.txt").write_text("prometheus_config { enable: true }")
    (folder / "batching.txt").write_text(
        "max_batch_size { value: 16 } allowed_batch_sizes: 4 allowed_batch_sizes: 16 num_batch_threads { value: 1 }"
    )
    process = ServerProcess(
        folder / "click", "--enable_batching", f"--batching_parameters_file={folder / 'batching.txt'}",
        f"--ssl_config_file={folder / 'ssl.txt'}", f"--monitoring_config_file={folder / 'monitoring.txt'}",
        f"--grpc_socket_path={folder / 'grpc.sock'}", "--enable_grpc_healthcheck_service",
        "--rest_api_enable_cors_support", "--max_inflight_requests=4", "--rest_api_timeout_in_ms=1500",
        "--grpc_max_threads=8",
    )  # fmt: skip
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        if process.process.poll() is None:
            process.stop()


@pytest.fixture(scope="module")
def channel(full_server: ServerProcess, certificates: Certificates) -> Iterator[Any]:
    credentials = grpc.ssl_channel_credentials(certificates.ca, certificates.client_key, certificates.client)
    with grpc.secure_channel(f"localhost:{full_server.grpc_port}", credentials) as channel:
        yield channel


def slow_rounds(server: ServerProcess, wanted_s: float) -> int:
    """Rounds of signature `slow` that take about `wanted_s` on this machine at its quickest of three times."""
    body = {"signature_name": "slow", "instances": [3000]}
    server.rest("POST", PREDICT, {"signature_name": "slow", "instances": [1]})
    took_s = []
    for _ in range(3):
        started_s = time.monotonic()
        assert server.rest("POST", PREDICT, body)[0] == 200
        took_s.append(time.monotonic() - started_s)
    return int(3000 * wanted_s / min(took_s))


def predict_request() -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "click", "predict"
    values = {"bid": np.float32([0.5]), "hour": np.int64([10])}
    for name, value in {**values, "image_path": [""], "image_path_bytes": [""], "site": ["news"]}.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def test_mtls_takes_clients_of_the_authority_only(
    full_server: ServerProcess, channel: Any, certificates: Certificates
) -> None:
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    response = PredictionServiceStub(channel).Predict(predict_request(), timeout=10)
    assert list(response.outputs["click_probability"].float_val) == pytest.approx([EXPECTED], abs=1e-6)
    nameless = grpc.ssl_channel_credentials(certificates.ca)
    with grpc.secure_channel(f"localhost:{full_server.grpc_port}", nameless) as other:
        with pytest.raises(grpc.RpcError) as caught:
            PredictionServiceStub(other).Predict(predict_request(), timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_the_unix_socket_speaks_tls_too(full_server: ServerProcess, certificates: Certificates) -> None:
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    credentials = grpc.ssl_channel_credentials(certificates.ca, certificates.client_key, certificates.client)
    path = full_server.log_path.parent / "grpc.sock"
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(f"unix:{path}", credentials, options) as channel:
        response = PredictionServiceStub(channel).Predict(predict_request(), timeout=10)
    assert response.model_spec.version.value == 3


def test_batches_are_padded_and_answers_stay_right(full_server: ServerProcess) -> None:
    """`wide` with 3 rows runs with 4 (allowed_batch_sizes); 17 rows exceed max_batch_size."""
    rows = [{"x": [float(i)], "text": "a" * i} for i in range(3)]
    status, reply, _ = full_server.rest("POST", PREDICT, {"signature_name": "wide", "instances": rows})
    assert status == 200
    assert [(row["doubled"], row["length"]) for row in reply["predictions"]] == [([0.0], 0), ([2.0], 1), ([4.0], 2)]
    reply = full_server.rest("POST", PREDICT, {"signature_name": "predict", "instances": [ROW] * 17})
    assert reply[:2] == (400, {"error": "Task size 17 is larger than maximum input batch size 16"})


def test_health_knows_the_services(channel: Any) -> None:
    """Messages by hand: field 1 is the service's name in a request, and the status (1: SERVING) in a response."""
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    for service in (b"", b"PredictionService", b"tensorflow.serving.ModelService"):
        request = b"\n" + bytes([len(service)]) + service if service else b""
        assert check(request, timeout=5) == b"\x08\x01"
    with pytest.raises(grpc.RpcError) as caught:
        check(b"\n\x03abc", timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_prometheus_and_cors(full_server: ServerProcess) -> None:
    assert full_server.rest("POST", PREDICT, {"signature_name": "predict", "instances": [ROW]})[0] == 200
    with socket.create_connection(("127.0.0.1", full_server.rest_port)) as connection:
        connection.sendall(b"GET /monitoring/prometheus/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        page = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert ':tensorflow:serving:request_count{model_name="click",status="OK"}' in page
    assert ':tensorflow:serving:request_latency_count{model_name="click",API="predict",entrypoint="REST"}' in page
    headers = full_server.rest("GET", "/v1/models/click")[2]
    assert headers["access-control-allow-origin"] == "*"
    with socket.create_connection(("127.0.0.1", full_server.rest_port)) as connection:
        connection.sendall(
            b"OPTIONS /v1/models/click HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nConnection: close\r\n\r\n"
        )
        reply = connection.recv(65536).decode()
    assert reply.startswith("HTTP/1.1 200 ")
    assert "access-control-allow-methods: POST, GET" in reply


@pytest.mark.alone
def test_overload_is_refused_at_once_and_over_soon(full_server: ServerProcess) -> None:
    """Four requests may be under way; while four slow ones are, others are told to come back."""
    body = json.dumps({"signature_name": "slow", "instances": [slow_rounds(full_server, 0.25)]}).encode()
    replies: list[int] = []
    threads = [
        threading.Thread(target=lambda: replies.append(full_server.rest("POST", PREDICT, body)[0])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    started_s = time.monotonic()
    status, reply, headers = full_server.rest("POST", PREDICT, {"signature_name": "predict", "instances": [ROW]})
    assert (status, headers["retry-after"]) == (503, "1")
    assert "4 requests are under way, the most allowed (--max_inflight_requests)" in reply["error"]
    assert full_server.rest("GET", "/v1/models/click")[0] == 200  # status is answered all the same
    assert time.monotonic() - started_s < 0.2
    for thread in threads:
        thread.join(20)
    assert replies == [200] * 4
    assert full_server.rest("POST", PREDICT, {"signature_name": "predict", "instances": [ROW]})[0] == 200


@pytest.mark.alone
def test_deadlines_bound_slow_runs_and_slow_bodies(full_server: ServerProcess, channel: Any) -> None:
    body = {"signature_name": "slow", "instances": [slow_rounds(full_server, 4.0)]}
    started_s = time.monotonic()
    status, reply, _ = full_server.rest("POST", PREDICT, body)
    assert (status, reply["error"]) == (504, "Timed out after 1500 ms (--rest_api_timeout_in_ms)")
    assert time.monotonic() - started_s < 2.4
    # The one thread is still busy with the run nobody waits for: what expires meanwhile is dropped.
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        call(predict_request().SerializeToString(), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with socket.create_connection(("127.0.0.1", full_server.rest_port)) as connection:
        connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        connection.settimeout(5)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_the_end_begins_with_not_serving(full_server: ServerProcess, channel: Any) -> None:
    """Last, as it ends the server. Status 2: NOT_SERVING."""
    statuses: list[bytes] = []

    def watch() -> None:
        statuses.extend(channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=20))

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(0.2)
    started_s = time.monotonic()
    full_server.process.send_signal(signal.SIGTERM)
    watcher.join(20)
    assert statuses == [b"\x08\x01", b"\x08\x02"]
    assert full_server.process.wait(30) == 0
    assert time.monotonic() - started_s < 10
