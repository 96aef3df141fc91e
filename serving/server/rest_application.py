"""REST API of the model server as an ASGI application: predict, classify, regress, status, metadata, metrics.

Source: tensorflow_serving/model_servers/http_server.cc and http_rest_api_handler.cc. Beyond the original: limits on
bodies and on requests under way, and the header `adclick-model-version` on predictions, as REST replies name none.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.models.version_status import VERSION_HEADER
from serving.protocol.json_reply import error_json
from serving.protocol.model_metadata import metadata_json
from serving.protocol.model_status import status_json
from serving.protocol.rest_verbs import PARSE, prepare_calls
from serving.request_error import BodyTooLargeError, Code, RequestError
from serving.server.admission import Admission
from serving.server.deadline import TaskTimeout
from serving.server.inference import Api, Inference
from serving.server.metrics import Metrics
from serving.server.model_calls import ModelCalls
from serving.server.rest_body import ClientGoneError, read_body
from serving.server.rest_paths import Route, find_route, is_below_v1
from serving.server.whole_reply import WholeReply

_log = logging.getLogger(__name__)

_JSON = (b"content-type", b"application/json")
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
]
_ORIGIN = re.compile(rb"https?://")
_VERSION_HEADER = VERSION_HEADER.encode()
_RETRY_AFTER_S = b"1"
_REFUSED_PAUSE_S = 0.2
_REQUEST_TIMEOUT = 408


@dataclass(frozen=True)
class RestOptions:
    """Limits and extras of the REST API."""

    timeout_s: float = 30.0
    max_body_bytes: int = 64 * 1024 * 1024
    cors: bool = False
    prometheus_path: str | None = None
    check_method_names: bool = False


class Reply:
    """A finished reply."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.body = body
        self.status = status
        self.headers = headers or [_JSON]


class RestApplication:
    """The ASGI application; runs on the event loop's thread."""

    def __init__(
        self, inference: Inference, calls: ModelCalls, metrics: Metrics, admission: Admission, options: RestOptions
    ) -> None:
        self._inference = inference
        self._calls = calls
        self._metrics = metrics
        self._admission = admission
        self._options = options
        self._apis = {
            name: Api(name.capitalize(), "REST", PARSE[name], prepare, write=lambda reply: reply, latency_name=name)
            for name, prepare in prepare_calls(check_method_names=options.check_method_names).items()
        }
        self.draining = False
        """Whether replies ask clients to close their connections."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request. Source of the signature: ASGI 3.0."""
        timeout = TaskTimeout(self._options.timeout_s)
        progress = _Progress()
        try:
            reply = await self._answer(scope, receive, progress)
            await self._send(send, reply)
            if progress.refused:
                _pause(receive)
        except ClientGoneError:
            return
        except asyncio.CancelledError:
            if not timeout.expired or progress.answered:
                raise
            await self._send(send, _timed_out(self._options.timeout_s, progress))
        finally:
            timeout.close()

    async def _answer(self, scope: Any, receive: Any, progress: _Progress) -> Reply:
        method: str = scope["method"]
        path: str = scope["raw_path"].decode("latin-1")
        if path == self._options.prometheus_path:
            progress.answered = True
            return Reply(self._metrics.page().encode(), headers=[(b"content-type", b"text/plain")])
        started_s = time.monotonic()
        status = Code.OK
        route: Route | None = None
        try:
            if method == "OPTIONS" and is_below_v1(path):
                reply = _preflight(dict(scope["headers"]))
            else:
                route = find_route(method, path)
                reply = await self._route(route, scope, receive, progress)
        except RequestError as error:
            status = error.code
            reply = _error_reply(error, isinstance(error, BodyTooLargeError))
        except ClientGoneError:
            raise
        except Exception as error:
            _log.exception("%s %s failed unexpectedly", method, path)
            status = Code.INTERNAL
            reply = _error_reply(RequestError(status, f"{type(error).__name__}: {error}"), False)
        progress.answered = True
        if (route is None or not route.is_inference) and is_below_v1(path):
            # As in the original, whose counters take in every request to the API.
            name = route.name if route else ""
            self._metrics.count_request(name, status.name)
            if status is Code.OK:
                self._metrics.add_request_latency(name, "", "REST", time.monotonic() - started_s)
        return reply

    async def _route(self, route: Route, scope: Any, receive: Any, progress: _Progress) -> Reply:
        if route.is_inference:
            return await self._infer(route, scope, receive, progress)
        if route.action == "metadata":
            definitions, version = self._calls.metadata(route.name, route.version, route.label)
            return _versioned(metadata_json(route.name, version, definitions).encode(), version)
        return Reply(status_json(self._calls.status(route.name, route.version, route.label)).encode())

    async def _infer(self, route: Route, scope: Any, receive: Any, progress: _Progress) -> Reply:
        deadline_s = time.monotonic() + self._options.timeout_s
        try:
            admitted = self._admission.enter()
        except RequestError:
            progress.refused = True
            raise
        try:
            progress.reading = True
            body = await read_body(receive, dict(scope["headers"]), self._options.max_body_bytes, admitted)
            progress.reading = False
            spec = (route.name, route.version, route.label)
            answer = self._inference.answer(
                self._apis[route.action], body, lambda _: spec, deadline_s, _disconnected(receive)
            )
            del body
            reply, version = await answer
            return _versioned(reply, version)
        finally:
            admitted.leave()

    async def _send(self, send: Any, reply: Reply) -> None:
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        if self._options.cors:
            headers += _CORS
        if self.draining:
            headers.append((b"connection", b"close"))
        with WholeReply(send):
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.body})


class _Progress:
    """How far a request has come: what its time limit has to answer."""

    __slots__ = ("answered", "reading", "refused")

    def __init__(self) -> None:
        self.refused = False
        self.reading = False
        self.answered = False


def _versioned(body: bytes, version: int) -> Reply:
    return Reply(body, headers=[_JSON, (_VERSION_HEADER, str(version).encode())])


def _error_reply(error: RequestError, close: bool) -> Reply:
    headers = [_JSON]
    if error.code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED) and not close:
        headers.append((b"retry-after", _RETRY_AFTER_S))
    if close:  # the rest of a body that was refused unread must not be taken for the next request
        headers.append((b"connection", b"close"))
    return Reply(error_json(error.message), error.http_status, headers)


def _timed_out(timeout_s: float, progress: _Progress) -> Reply:
    what = f"after {timeout_s * 1000:.0f} ms (--rest_api_timeout_in_ms)"
    if progress.reading:
        body = error_json(f"The request's body was not complete {what}")
        return Reply(body, _REQUEST_TIMEOUT, [_JSON, (b"connection", b"close")])
    return _error_reply(RequestError(Code.DEADLINE_EXCEEDED, f"Timed out {what}"), False)


def _preflight(headers: dict[bytes, bytes]) -> Reply:
    if not _ORIGIN.search(headers.get(b"origin", b"")):
        raise RequestError(Code.FAILED_PRECONDITION, "Origin header is missing in CORS preflight")
    return Reply(b"")


def _disconnected(receive: Any) -> Callable[[], bool] | None:
    """A look at whether the client is gone, without waiting for it as ASGI's receive would.

    uvicorn's cycle, whose method `receive` is, has the flag; another server has none, and then nobody looks.
    """
    cycle: Any = getattr(receive, "__self__", None)
    if not hasattr(cycle, "disconnected"):
        return None
    return lambda: bool(cycle.disconnected)


def _pause(receive: Any) -> None:
    """Reads the connection again only after a moment: clients that ask again at once would keep the loop busy.

    uvicorn's cycle has the connection's flow; another server has none, and then nothing is paused.
    """
    flow = getattr(getattr(receive, "__self__", None), "flow", None)
    if flow is not None:
        flow.pause_reading()
        asyncio.get_running_loop().call_later(_REFUSED_PAUSE_S, flow.resume_reading)
