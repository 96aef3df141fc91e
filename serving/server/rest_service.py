"""REST API of the model server: predict, status and metadata under /v1/models, as an ASGI application.

Source: tensorflow_serving/model_servers/http_rest_api_handler.cc and http_rest_api_util.cc. Beyond the
original: a limit on the body (inflated too), and the header `adclick-model-version` on predictions, as REST
replies name no version.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.models.version_status import VERSION_HEADER
from serving.models.version_table import VersionTable
from serving.protocol.json_reply import outputs_json, predictions_json
from serving.protocol.json_text import parse_object
from serving.protocol.prediction import DEFAULT_SIGNATURE, find_signature, run_prediction
from serving.protocol.rest_json import read_inputs, signature_name
from serving.request_error import BodyTooLargeError, Code, RequestError, invalid_argument
from serving.server.grpc_service import signature_def_map, status_response

_log = logging.getLogger(__name__)

_INT64_MAX = 2**63 - 1
_DISCARD_S = 0.5
_TARGET = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICTION_PATH = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_TARGET}:(?P<method>classify|regress|predict)", re.IGNORECASE
)
_STATUS_PATH = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_TARGET}(?:/(?P<metadata>metadata))?", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """What a request path names: a model, and at most one of version and label."""

    name: str
    version: int | None
    label: str | None


@dataclass(frozen=True)
class Reply:
    """A finished reply: JSON text, and the version that computed it where one did."""

    body: str
    http_status: int = 200
    version: int | None = None


class RestService:
    """The ASGI application. Models run in threads, so that a long request does not hold up the others."""

    def __init__(self, table: VersionTable, num_threads: int, timeout_s: float, max_body_bytes: int) -> None:
        self._table = table
        self._timeout_s = timeout_s
        self._max_body_bytes = max_body_bytes
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix="rest")
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Source of the signature: ASGI 3.0."""
        request = Request(scope, receive, send)
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        close = False
        try:
            work = self._route(request.method, path)
            body = await _read_body(request, self._max_body_bytes) if request.method == "POST" else b""
            reply = await self._in_thread(work, body)
        except ClientDisconnect:
            return
        except RequestError as error:
            # The rest of a body that was refused unread must not be taken for the next request.
            close = isinstance(error, BodyTooLargeError)
            reply = Reply(json.dumps({"error": error.message}), error.http_status)
        except Exception as error:
            _log.exception("%s %s failed unexpectedly", request.method, path)
            reply = Reply(json.dumps({"error": f"{type(error).__name__}: {error}"}), Code.INTERNAL.http_status)
        headers = {} if reply.version is None else {VERSION_HEADER: str(reply.version)}
        if close or self.draining:
            headers["connection"] = "close"
        response = Response(reply.body, reply.http_status, headers, media_type="application/json")
        await response(scope, receive, send)

    def close(self) -> None:
        """Gives the threads back, after the last request."""
        self._threads.shutdown(wait=True)

    async def _in_thread(self, work: Callable[[bytes], Reply], body: bytes) -> Reply:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, body)
        try:
            return await asyncio.wait_for(running, self._timeout_s)
        except asyncio.TimeoutError as error:
            raise RequestError(
                Code.DEADLINE_EXCEEDED,
                f"Timed out after {self._timeout_s * 1000:.0f} ms (--rest_api_timeout_in_ms)",
            ) from error

    def _route(self, method: str, path: str) -> Callable[[bytes], Reply]:
        if not path.lower().startswith("/v1/"):
            raise RequestError(Code.NOT_FOUND, f"Not found: {method} {path}; the API is below /v1/models")
        if method == "POST" and (match := _PREDICTION_PATH.fullmatch(path)):
            target, verb = _target(match), match["method"].lower()
            if verb != "predict":
                raise RequestError(Code.UNIMPLEMENTED, f"Method {verb} is not implemented by this server")
            return lambda body: self._predict(target, body)
        if method == "GET" and (match := _STATUS_PATH.fullmatch(path)):
            target = _target(match)
            if not target.name:
                raise invalid_argument("Missing model name in request.")
            if match["metadata"]:
                return lambda _: self._metadata(target)
            return lambda _: self._status(target)
        raise invalid_argument(f"Malformed request: {method} {path}")

    def _predict(self, target: Target, body: bytes) -> Reply:
        document = parse_object(body)  # first: malformed JSON wins over an unknown model
        name = signature_name(document)
        with self._table.acquire(target.name, target.version, target.label) as servable:
            wanted = name or DEFAULT_SIGNATURE
            if wanted not in servable.model.signatures:
                raise invalid_argument(f'Serving signature name: "{wanted}" not found in signature def')
            inputs, in_rows = read_inputs(document, servable.model.signatures[wanted])
            signature = find_signature(servable.model, wanted)
            outputs = run_prediction(servable.model, signature, inputs, list(signature.outputs))
            version = servable.version
        write = predictions_json if in_rows else outputs_json
        return Reply(write(outputs, signature.outputs).decode(), version=version)

    def _status(self, target: Target) -> Reply:
        if target.label:
            raise invalid_argument(f"Unrecognized servable version label: {target.label}")
        return Reply(_proto_json(status_response(self._table.statuses(target.name, target.version))))

    def _metadata(self, target: Target) -> Reply:
        with self._table.acquire(target.name, target.version, target.label) as servable:
            definitions = json_format.MessageToDict(
                signature_def_map(servable.model),
                including_default_value_fields=True,
                preserving_proto_field_name=True,
            )
            version = servable.version
        model_spec = {"name": target.name, "signature_name": "", "version": str(version)}
        document = {"model_spec": model_spec, "metadata": {"signature_def": definitions}}
        return Reply(json.dumps(document, indent=1), version=version)


def _target(match: re.Match[str]) -> Target:
    version = int(match["version"]) if match["version"] and len(match["version"]) < 20 else None
    if match["version"] and (version is None or version > _INT64_MAX):
        raise invalid_argument(f"Failed to convert version: {match['version']} to numeric.")
    label = unquote(match["label"]) if match["label"] else None
    return Target(unquote(match["name"] or ""), version, label)


async def _read_body(request: Request, max_body_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    stream = request.stream()
    if declared.isdigit() and int(declared[:20]) > max_body_bytes:
        if "expect" not in request.headers:  # 100-continue: the client sends nothing before it is told to
            await _discard(stream)
        raise BodyTooLargeError(max_body_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > max_body_bytes:
            chunks.clear()
            await _discard(stream)
            raise BodyTooLargeError(max_body_bytes)
        chunks.append(chunk)
    body = b"".join(chunks)
    if request.headers.get("content-encoding", "").strip().lower() == "gzip":
        return _inflate(body, max_body_bytes)
    return body


async def _discard(stream: AsyncIterator[bytes]) -> None:
    """Reads on a moment: closing while a client still sends would reset the reply away (RFC 9112 §9.6)."""

    async def read_on() -> None:
        async for _ in stream:
            pass

    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(read_on(), _DISCARD_S)


def _inflate(body: bytes, max_body_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # 16: a gzip header, RFC 1952
    try:
        inflated = inflater.decompress(body, max_body_bytes + 1)
    except zlib.error as error:
        raise invalid_argument(f"Request body is not valid gzip: {error}") from error
    if len(inflated) > max_body_bytes:
        raise BodyTooLargeError(max_body_bytes, "Inflated request body")
    if not inflater.eof:
        raise invalid_argument("Request body is not valid gzip: it ends before its end marker")
    return inflated


def _proto_json(message: Any) -> str:
    text: str = json_format.MessageToJson(
        message, including_default_value_fields=True, preserving_proto_field_name=True
    )
    return text
