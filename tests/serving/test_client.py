"""Both clients against a real server; one contract test runs on each."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from click_model import probability
from loopback_ports import free_ports
from server_process import REPOSITORY, ServerProcess

from serving.client import (
    ClickClient,
    GrpcClient,
    Prediction,
    RestClient,
    RowError,
    ServerRefusedError,
    ServerUnreachableError,
    SignatureError,
)

Connect = Callable[..., ClickClient]


@pytest.fixture(params=["rest", "grpc"])
def connect(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[Connect]:
    """Makes clients of one protocol for the running server."""
    clients: list[ClickClient] = []

    def make(model_name: str = "click", port: int | None = None, timeout_s: float = 10.0) -> ClickClient:
        kind = RestClient if request.param == "rest" else GrpcClient
        own_port = server.rest_port if request.param == "rest" else server.grpc_port
        clients.append(kind(f"127.0.0.1:{port or own_port}", model_name, timeout_s))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_rows_are_completed_converted_and_answered_in_order(connect: Connect) -> None:
    rows: list[dict[str, object]] = [
        {"bid": 1, "site": "news", "hour": "10", "month": "not a feature of the model"},
        {"bid": "0.5", "hour": 10.0, "site": 1234},
        {"bid": "", "site": None, "hour": math.nan},
        {"bid": 0.0, "image_path": "new.png", "image_path_bytes": b"\x89PNG" + b"\0" * 96},
    ]
    predictions = connect().predict(rows)
    assert [one.click_probability for one in predictions] == pytest.approx(
        [
            probability(3, 1.0, "news", 10),
            probability(3, 0.5, "1234", 10),
            probability(3),
            probability(3, 0.0, image_bytes=b"x" * 100),  # 0.001 * 100 bytes
        ],
        abs=1e-6,
    )
    assert {one.model_version for one in predictions} == {3}
    assert connect().predict([]) == []


def test_values_that_cannot_be_sent_are_refused_before_sending(connect: Connect) -> None:
    with pytest.raises(RowError) as caught:
        connect().predict([{"bid": 1.0}, {"bid": "abc"}])
    assert (caught.value.row, caught.value.field, caught.value.value) == (1, "bid", "abc")
    assert str(caught.value) == (
        "row 1, field 'bid', value 'abc': not a number; give one such as 12.5, "
        "or leave the field empty where it is missing"
    )


def test_an_unknown_model_is_the_servers_error(connect: Connect) -> None:
    with pytest.raises(ServerRefusedError, match=r"Servable not found for request: Latest\(other\)") as caught:
        connect("other").predict([{"bid": 1.0}])
    assert caught.value.status in ("404", "NOT_FOUND")
    assert not caught.value.retryable


def test_nobody_listening_is_retryable_and_names_the_address(connect: Connect) -> None:
    (port,) = free_ports(1)
    with pytest.raises(ServerUnreachableError, match=f"127.0.0.1:{port}") as caught:
        connect(port=port, timeout_s=2).predict([{"bid": 1.0}])
    assert caught.value.retryable


def test_a_silent_server_is_given_up_after_the_timeout(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(port=silent.getsockname()[1], timeout_s=0.3)
        with pytest.raises(ServerUnreachableError, match=r"nothing within [\d.]+ s") as caught:
            client.predict([{"bid": 1.0}])
    waited_s = float(str(caught.value).split("nothing within ")[1].split()[0])
    assert 0.2 < waited_s <= 0.3  # what connecting left of the timeout


def test_requests_beyond_the_servers_limit_are_cut(connect: Connect) -> None:
    """Four rows of 400 kB go in one request, and the server takes bodies of 1 MB; a row of 3 MB it never takes."""
    image = b"x" * 400_000
    rows: list[dict[str, object]] = [{"bid": bid, "image_path_bytes": image} for bid in (-399, -400, -401, -402)]
    with connect() as client:
        predictions = client.predict(rows)
        assert [one.click_probability for one in predictions] == pytest.approx(
            [probability(3, bid, image_bytes=image) for bid in (-399, -400, -401, -402)],
            abs=1e-4,  # a float32 near 400 has steps of 3e-5
        )
        outcomes = client.predict_each([{"bid": 1}, {"bid": 1, "image_path_bytes": b"x" * 3_000_000}, {"bid": 2}])
    assert isinstance(outcomes[1], ServerRefusedError)
    assert outcomes[1].row == 1
    assert outcomes[1].status in ("413", "RESOURCE_EXHAUSTED")
    assert not outcomes[1].retryable
    assert [type(one) for one in outcomes] == [Prediction, ServerRefusedError, Prediction]


def test_a_connection_closed_while_idle_is_opened_again(server: ServerProcess) -> None:
    with RestClient(f"127.0.0.1:{server.rest_port}", "click") as client:
        client.predict([{"bid": 1.0}])
        (idle,) = client._connections._idle
        idle.raw.shutdown(socket.SHUT_RDWR)
        assert client.predict([{"bid": 1.0}])[0].click_probability == pytest.approx(probability(3, 1.0), abs=1e-6)


def test_without_our_header_the_version_comes_from_the_status() -> None:
    """A stand-in that answers as TF Serving does, which names no version in REST replies."""
    replies = {
        "/metadata": '{"model_spec": {"version": "7"}, "metadata": {"signature_def": {"signature_def": '
        '{"predict": {"inputs": {"bid": {"dtype": "DT_FLOAT"}}, "outputs": {"click_probability": {}}}}}}}',
        ":predict": '{"predictions": [0.25]}',
        "": '{"model_version_status": [{"version": "8", "state": "AVAILABLE"}, {"version": "7", "state": "END"}]}',
    }
    with http_stand_in(replies) as port, RestClient(f"127.0.0.1:{port}", "m") as client:
        (prediction,) = client.predict([{"bid": 1}])
    assert (prediction.click_probability, prediction.model_version) == (0.25, 8)


def test_a_model_without_our_signature_is_named() -> None:
    replies = {"/metadata": '{"model_spec": {"version": "7"}, "metadata": {"signature_def": {"signature_def": {}}}}'}
    missing = pytest.raises(SignatureError, match="model 'm' version 7 has no signature 'predict', only none")
    with http_stand_in(replies) as port, RestClient(f"127.0.0.1:{port}", "m") as client, missing:
        client.predict([{"bid": 1}])


def test_addresses_and_timeouts_are_checked() -> None:
    with pytest.raises(ValueError, match=r"server '8501' is not host:port; give one such as 127.0.0.1:8501"):
        RestClient("8501")
    with pytest.raises(ValueError, match="timeout_s 0 is not positive"):
        RestClient("localhost:8501", timeout_s=0)


def test_the_rest_client_does_not_import_tensorflow() -> None:
    code = "import sys, serving.client; sys.exit('tensorflow' in sys.modules or 'grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


class http_stand_in:  # noqa: N801 (used as a function)
    """Answers paths below /v1/models/m with fixed replies, until the block ends."""

    def __init__(self, replies: dict[str, str]) -> None:
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = replies[self.path.removeprefix("/v1/models/m")].encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 (name fixed by http.server)

            def log_message(self, *_: object) -> None:
                """Keeps the test's output clean."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> int:
        return int(self._server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_the_versions_in_service_are_told(connect: Connect) -> None:
    assert connect().available_versions() == [3]
    with pytest.raises(ServerRefusedError) as raised:
        connect("unknown").available_versions()
    assert raised.value.status in ("404", "NOT_FOUND")
    with pytest.raises(ServerUnreachableError):
        connect(port=free_ports(1)[0]).available_versions()
