"""The whole server as an operator sees it: ready line, versions swapped under traffic, an orderly end."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click_model import probability
from server_process import ServerProcess

from serving.client import ClickClient, ClientError, GrpcClient, RestClient
from serving.model_server import serve
from serving.server.server_options import ServerOptions


@pytest.fixture(scope="module")
def base_path(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Path:
    base_path = tmp_path_factory.mktemp("traffic") / "click"
    shutil.copytree(exported / "1", base_path / "1")
    return base_path


@pytest.fixture(scope="module")
def own_server(base_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(base_path)
    yield server
    if server.process.poll() is None:
        server.stop()


class Traffic:
    """Asks on and on until stopped, keeping every answer and every error."""

    def __init__(self, client: ClickClient) -> None:
        self._client = client
        self.answers: list[tuple[int, float]] = []
        self.errors: list[ClientError] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._client as client:
            while not self._stop.is_set():
                try:
                    (one,) = client.predict([{"bid": 0.5}])
                    assert one.model_version is not None
                    self.answers.append((one.model_version, one.click_probability))
                except ClientError as error:
                    self.errors.append(error)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)


def test_the_ready_line_names_model_version_and_addresses(own_server: ServerProcess) -> None:
    assert own_server.wait_for_line("ready") == (
        f"adclick model server: model 'click' version 1 ready, gRPC 127.0.0.1:{own_server.grpc_port}, "
        f"REST 127.0.0.1:{own_server.rest_port}"
    )


def test_no_request_fails_while_versions_are_swapped_copied_broken_and_rolled_back(
    own_server: ServerProcess, base_path: Path, exported: Path
) -> None:
    traffic = [
        Traffic(RestClient(f"127.0.0.1:{own_server.rest_port}", "click")),
        Traffic(RestClient(f"127.0.0.1:{own_server.rest_port}", "click")),
        Traffic(GrpcClient(f"127.0.0.1:{own_server.grpc_port}", "click")),
    ]
    target = base_path / "2"
    target.mkdir()
    shutil.copy(exported / "2/saved_model.pb", target)
    time.sleep(0.6)  # half copied for three looks
    shutil.copytree(exported / "2/variables", target / "variables")
    line = own_server.wait_for_line("version 2 in service")
    assert line.endswith(" s), in place of version 1")
    assert own_server.wait_for_line("unloaded") == "adclick model server: model 'click' version 1 unloaded"

    (base_path / "4").mkdir()
    (base_path / "4/saved_model.pb").write_bytes(b"no proto")
    time.sleep(0.6)
    statuses = own_server.rest("GET", "/v1/models/click")[1]["model_version_status"]
    assert [(entry["version"], entry["state"]) for entry in statuses] == [
        ("4", "END"), ("2", "AVAILABLE"), ("1", "END"),
    ]  # fmt: skip
    assert "Can't parse" in statuses[0]["status"]["error_message"]
    shutil.rmtree(base_path / "4")

    shutil.copytree(exported / "3", base_path / ".3.incoming")
    (base_path / ".3.incoming").rename(base_path / "3")
    own_server.wait_for_line("version 3 in service")
    shutil.rmtree(base_path / "3")
    own_server.wait_for_line("version 2 in service")  # rolled back
    time.sleep(0.3)
    for one in traffic:
        one.stop()
    for one in traffic:
        assert one.errors == []
        assert {version for version, _ in one.answers} == {1, 2, 3}
        for version, answer in one.answers:  # the version that is named is the version that answered
            assert answer == pytest.approx(probability(version, 0.5), abs=1e-6)
    log = own_server.log_path.read_text()
    assert "Version 4 of" in log
    assert "version 2 stays in service" in log


def test_sigterm_finishes_requests_under_way_and_exits_0(own_server: ServerProcess) -> None:
    """`slow` multiplies matrices for about a second; SIGTERM comes while it does."""
    import grpc
    import numpy as np
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    rounds = 1000
    warm = {"signature_name": "slow", "instances": [1]}
    own_server.rest("POST", "/v1/models/click:predict", warm)  # the first call compiles, and would spoil the measure
    started_s = time.monotonic()
    own_server.rest("POST", "/v1/models/click:predict", {"signature_name": "slow", "instances": [rounds]})
    rounds = int(rounds * 1.0 / (time.monotonic() - started_s))
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "click", "slow"
    request.inputs["rounds"].CopyFrom(tf.make_tensor_proto(np.int64([rounds])))
    body = json.dumps({"signature_name": "slow", "instances": [rounds]}).encode()
    replies: list[object] = []
    threads = [
        threading.Thread(target=lambda: replies.append(own_server.rest("POST", "/v1/models/click:predict", body)[:2]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    with grpc.insecure_channel(f"127.0.0.1:{own_server.grpc_port}") as channel:
        pending = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request, timeout=30)
        time.sleep(0.3)
        assert replies == [], "the requests have to be under way when the signal comes"
        own_server.process.send_signal(signal.SIGTERM)
        assert list(pending.result().outputs["total"].float_val) == pytest.approx([1.0], rel=1e-3)
    for thread in threads:
        thread.join(30)
    assert replies == [(200, {"predictions": pytest.approx([1.0], rel=1e-3)})] * 2
    assert own_server.process.wait(30) == 0
    assert own_server.wait_for_line("stopped") == "adclick model server: stopped"
    with pytest.raises(ConnectionRefusedError):
        own_server.rest("GET", "/v1/models/click")


@pytest.mark.parametrize(("protocol", "flag"), [("gRPC", "--port"), ("REST", "--rest_api_port")])
def test_a_taken_port_is_status_2_and_named(
    tmp_path: Path, protocol: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        grpc_port, rest_port = (port, 0) if protocol == "gRPC" else (0, port)
        assert serve(ServerOptions("click", tmp_path, grpc_port, rest_port)) == 2
    error = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port} for {protocol}: " in error
    assert f"give another one with {flag}" in error
