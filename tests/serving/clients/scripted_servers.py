"""Servers on loopback that answer as a script says, request by request, and count what they are asked."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from configs.features import FeatureTable

TABLE = FeatureTable.model_validate(
    [
        {"name": "bid", "kind": "numeric", "minimum": 0, "maximum": 100},
        {"name": "hour", "kind": "timestamp"},
        {"name": "site", "kind": "categorical", "required": True},
        {"name": "user", "kind": "key"},
        {"name": "clicked", "kind": "label"},
    ]
)
"""Clients with it ask for no metadata, so that each request is a prediction."""
ROW = {"bid": 1.0, "site": "news"}


@dataclass
class Served:
    """Where a scripted server listens, and what it saw."""

    address: str = ""
    asked: list[Any] = field(default_factory=list)
    """One entry for each request: REST the parsed body, gRPC the message."""
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0


Step = Callable[[http.server.BaseHTTPRequestHandler], None]


def answer(probability: float = 0.25, version: int = 7) -> Step:
    """A whole reply with that probability for one row."""
    body = json.dumps({"outputs": [probability]}).encode()
    return lambda handler: _reply(handler, 200, body, {"adclick-model-version": str(version)})


def refuse(status: int, headers: dict[str, str] | None = None) -> Step:
    """An error reply."""
    return lambda handler: _reply(handler, status, b'{"error": "as scripted"}', headers or {})


def reset(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Half of a body, then a reset connection (a close with SO_LINGER 0 sends RST)."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"outputs": [0.')
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def trickle(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A byte each 50 ms: no single read ever waits long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.05)


def _reply(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def http_server(script: Sequence[Step], context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Served]:
    """HTTP/1.1 with keep-alive; each request takes the next step, the last step over and over."""
    served, lock = Served(), threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with lock:
                served.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                step = script[min(len(served.asked), len(script) - 1)]
                served.asked.append(json.loads(body.replace(b"NaN", b"null")) if body else None)
                served.headers.append(dict(self.headers.items()))
            step(self)

        do_GET = do_POST  # noqa: N815 (name fixed by http.server)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that gave up is no error of the test."""

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    served.address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Refusal:
    """A gRPC status to answer with."""

    code: str
    trailing: tuple[tuple[str, str], ...] = ()


@contextlib.contextmanager
def grpc_server(
    script: Sequence[float | Refusal], address: str = "127.0.0.1:0", credentials: Any = None
) -> Iterator[Served]:
    """PredictionService.Predict by steps: the probability of one row, a refusal, or NaN for an answer after 5 s."""
    import grpc
    from tensorflow.core.framework import tensor_pb2
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    served, ended = Served(), threading.Event()

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]  # ships no types
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 (name fixed by the service)
            step = script[min(len(served.asked), len(script) - 1)]
            served.asked.append(request)
            served.headers.append(dict(context.invocation_metadata()))
            if isinstance(step, Refusal):
                context.set_trailing_metadata(step.trailing)
                context.abort(grpc.StatusCode[step.code], "as scripted")
            if step != step:
                ended.wait(5)
            response = predict_pb2.PredictResponse()
            response.model_spec.version.value = 7
            response.outputs["click_probability"].CopyFrom(tensor_pb2.TensorProto(dtype=1, float_val=[step]))
            return response

    server = grpc.server(ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    served.address = address if address.startswith("unix:") else f"127.0.0.1:{port}"
    server.start()
    try:
        yield served
    finally:
        ended.set()
        server.stop(None).wait()
