"""The version in service as a model server's status API tells it, over REST from a server that answers by script."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from adclick.errors import AdclickError
from components.served_model import status
from components.served_model.status import require_answer, served_version


@contextlib.contextmanager
def answering(status: int, document: Any) -> Iterator[str]:
    """A server that gives this answer for the status of model `adclick`; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/v1/models/adclick"
            body = json.dumps(document if found else {"error": f"no {self.path}"}).encode()
            self.send_response(status if found else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def statuses(**states: str) -> dict[str, Any]:
    """As TF Serving writes it; `v7` for version 7."""
    return {"model_version_status": [{"version": name[1:], "state": state} for name, state in states.items()]}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """With versions 7 and 8."""
    for version in ("7", "8"):
        (tmp_path / "adclick" / version).mkdir(parents=True)
        (tmp_path / "adclick" / version / "saved_model.pb").write_text(version)
    return str(tmp_path / "adclick")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (statuses(v8="LOADING", v7="AVAILABLE"), 7),  # the folder is ahead of the server
        (statuses(v7="AVAILABLE", v8="AVAILABLE"), 8),  # whoever names no version gets the newest
        (statuses(v9="END", v7="AVAILABLE", v8="UNLOADING"), 7),
    ],
)
def test_what_the_server_answers_with_is_in_service(folder: str, told: dict[str, Any], found: int) -> None:
    with answering(200, told) as url:
        assert served_version(url, "adclick", folder) == found


@pytest.mark.parametrize(
    ("status", "document"),
    [(404, {"error": "Could not find any versions of model adclick"}), (200, {"model_version_status": []})],
)
def test_before_the_first_push_there_is_none(tmp_path: Path, status: int, document: dict[str, Any]) -> None:
    with answering(status, document) as url:
        assert served_version(url, "adclick", str(tmp_path / "adclick")) is None


@pytest.mark.parametrize(
    ("status", "document", "told"),
    [
        (404, {"error": "no such model"}, r"no version .* in service \(the server answered 404: no such model\)"),
        (200, statuses(v8="LOADING"), r"no version .* in service \(no version is AVAILABLE\), but .* has version 8"),
        (200, statuses(v9="AVAILABLE"), r"has version 9 .* not in .*adclick \(the versions there are 7, 8\)"),
        (500, {"error": "broken"}, "cannot tell which version is in service: the server answered 500: broken"),
        (200, {"model_version_status": [{"state": "AVAILABLE"}]}, "cannot tell .* is not TF Serving's"),
    ],
)
def test_no_answer_that_helps_is_an_error_with_the_url(
    folder: str, status: int, document: dict[str, Any], told: str
) -> None:
    with answering(status, document) as url, pytest.raises(AdclickError, match=told) as raised:
        served_version(url, "adclick", folder)
    assert str(raised.value).startswith(f"evaluation.baseline: {url}: ")
    assert "set evaluation.baseline to served_folder" in str(raised.value)


@pytest.mark.parametrize("known", [True, False], ids=["with versions", "before the first push"])
def test_a_server_that_does_not_answer_never_means_no_baseline(folder: str, tmp_path: Path, known: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(AdclickError, match=f"{url}: cannot tell .* start the server or correct the URL"):
        served_version(url, "adclick", folder if known else str(tmp_path / "none"))


def test_a_url_that_the_client_does_not_take_is_told(folder: str) -> None:
    with pytest.raises(AdclickError, match=r"evaluation.baseline: http://host:http: server .* is not host:port"):
        served_version("http://host:http", "adclick", folder)


def test_before_a_run_any_answer_over_grpc_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "CONNECT_TIMEOUT_S", 0.5)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        require_answer(f"grpc://127.0.0.1:{port}", "adclick")
    finally:
        server.stop(None).wait()


def test_before_a_run_the_rest_port_is_no_grpc_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "CONNECT_TIMEOUT_S", 0.5)
    with answering(200, statuses(v7="AVAILABLE")) as url:
        require_answer(url, "adclick")
        wrong = url.replace("http://", "grpc://")
        with pytest.raises(AdclickError, match=f"evaluation.baseline: {wrong}: cannot tell .* no gRPC server answered"):
            require_answer(wrong, "adclick")


def test_before_a_run_a_grpc_url_without_a_port_is_told() -> None:
    with pytest.raises(AdclickError, match=r"evaluation.baseline: grpc://host:port: server .* is not host:port"):
        require_answer("grpc://host:port", "adclick")
