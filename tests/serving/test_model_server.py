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


@pytest.mark.alone
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
        time.sleep(0.1)
        own_server.process.send_signal(signal.SIGTERM)  # supervisors repeat it
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


def test_several_models_labels_and_a_reload(tmp_path: Path, exported: Path) -> None:
    """Two models from a config file; a reload over gRPC takes one away and moves a label."""
    import grpc
    from google.protobuf import text_format
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    for name, version in (("one", 1), ("two", 2), ("two", 3)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / str(version)).symlink_to(exported / str(version))
    one = f'config {{ name: "one" base_path: "{tmp_path}/one" model_platform: "tensorflow" }}'
    two = (
        f'config {{ name: "two" base_path: "{tmp_path}/two" model_platform: "tensorflow" '
        "model_version_policy { all {} } version_labels { key: 'stable' value: %d } }"
    )
    config_file = tmp_path / "models.txt"
    config_file.write_text(f"model_config_list {{ {one} {two % 2} }}")
    server = ServerProcess(tmp_path / "unused", f"--model_config_file={config_file}")
    row = {"bid": 0.5, "hour": 0, "image_path": "", "image_path_bytes": "", "site": ""}
    body = {"signature_name": "predict", "instances": [row]}

    def answering(path: str) -> tuple[int, str | None]:
        status, _, headers = server.rest("POST", f"/v1/models/{path}:predict", body)
        return status, headers.get("adclick-model-version")

    try:
        assert "model 'one' version 1 ready" in server.wait_for_line("ready")
        assert "model 'two' version" in server.wait_for_line("ready")
        while len([entry for entry in server.rest("GET", "/v1/models/two")[1]["model_version_status"]
                   if entry["state"] == "AVAILABLE"]) < 2:  # fmt: skip
            time.sleep(0.05)
        assert answering("one") == (200, "1")
        assert answering("two") == (200, "3")
        assert answering("two/labels/stable") == (200, "2")
        assert answering("two/labels/other") == (400, None)
        request = model_management_pb2.ReloadConfigRequest()
        text_format.Parse(f"model_config_list {{ {two % 3} }}", request.config)
        request.metric_names.append("/tensorflow/serving/request_count")
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            models = model_service_pb2_grpc.ModelServiceStub(channel)
            reply = models.HandleReloadConfigRequest(request, timeout=30)
            assert reply.status.error_code == 0
            with pytest.raises(grpc.RpcError, match="Only ModelConfigList is currently supported"):
                models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest(), timeout=30)
        assert answering("two/labels/stable") == (200, "3")
        assert answering("one") == (404, None)
    finally:
        server.stop()


def test_a_bad_config_file_is_status_2_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ssl.txt"
    file.write_text("no_such_field: 1")
    options = ServerOptions("click", tmp_path, grpc_port=0, grpc_socket_path=f"{tmp_path}/s", ssl_config_file=file)
    assert serve(options) == 2
    said = capsys.readouterr().err
    assert f"{file}: Error parsing text-format tensorflow.serving.SSLConfig: 1:1 : Message type" in said


def test_a_load_under_way_neither_delays_the_end_nor_aborts_it(exported: Path, tmp_path: Path) -> None:
    """Version 2 fills a table of 600,000 words, which takes seconds; SIGTERM comes meanwhile."""
    import tensorflow as tf

    class Slow(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            words = tf.strings.as_string(tf.range(600_000))
            self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, tf.range(600_000)), -1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])  # type: ignore[untyped-decorator]  # TensorFlow has no types
        def look_up(self, word: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"place": self.table.lookup(word)}

    slow = Slow()
    tf.saved_model.save(slow, str(tmp_path / "slow"), signatures=slow.look_up)
    base_path = tmp_path / "click"
    shutil.copytree(exported / "1", base_path / "1")
    server = ServerProcess(base_path)
    try:
        server.wait_for_line("ready")
        (tmp_path / "slow").rename(base_path / "2")
        while "LOADING" not in json.dumps(server.rest("GET", "/v1/models/click")[1]):
            time.sleep(0.01)
    finally:
        started_s = time.monotonic()
        status = server.stop()
    assert status == 0
    assert time.monotonic() - started_s < 5.0
    assert server.wait_for_line("stopped") == "adclick model server: stopped"
    assert "FATAL" not in server.log_path.read_text("utf-8")
