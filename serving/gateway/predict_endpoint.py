"""`POST /v1/predict` as a plain ASGI application: request models and dependencies would cost more than the answer."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from configs.gateway import Gateway
from serving.gateway.codes import CODES, OK, ROWS_FAILED, Refusal
from serving.gateway.metrics import Metrics
from serving.gateway.prediction_flow import PredictionFlow, RowResult
from serving.gateway.rate_limit import RateLimiter
from serving.gateway.request_body import ClientGoneError, Receive, header, only_header, read_body
from serving.gateway.tokens import TokenVerifier

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger(__name__)


class PredictEndpoint:
    """Token, rate, body, rows, answer. One object is one row, a list is many."""

    def __init__(
        self,
        settings: Gateway,
        tokens: TokenVerifier,
        limiter: RateLimiter,
        flow: PredictionFlow,
        metrics: Metrics,
    ) -> None:
        self._limits, self._timeout_s = settings.limits, settings.upstream.timeout_s
        self._tokens, self._limiter, self._flow, self._metrics = tokens, limiter, flow, metrics
        self.draining = False
        """Whether answers ask for the connection to be closed."""
        self.in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request."""
        start_s = asyncio.get_running_loop().time()
        request_id = request_id_of(scope)
        self.in_progress += 1
        try:
            status, body, headers = await self._answer(scope, receive, request_id, start_s)
        except ClientGoneError:
            return
        finally:
            self.in_progress -= 1
        self._metrics.count_request(status, body["code"], asyncio.get_running_loop().time() - start_s)
        if self.draining or status in (401, 408, 413, 415):
            headers.append((b"connection", b"close"))  # what is left of the body is not worth reading
        await send_json(send, status, body, request_id, headers)

    async def _answer(
        self, scope: Scope, receive: Receive, request_id: str, start_s: float
    ) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
        try:
            caller = self._tokens.caller(only_header(scope, b"authorization"))
            self._limiter.take(caller.client_id, 1)
            text = await read_body(scope, receive, self._limits.max_body_bytes, self._limits.body_timeout_s)
            rows, single = self._rows(text)
            if len(rows) > 1:
                self._limiter.take(caller.client_id, len(rows) - 1)
            results = await self._flow.answer(rows, start_s + self._timeout_s)
        except Refusal as refusal:
            return refusal.status, refusal_body(refusal, request_id), refusal_headers(refusal)
        except (ClientGoneError, asyncio.CancelledError):
            raise
        except Exception:
            _log.exception("request %s failed unexpectedly", request_id)
            internal = Refusal("internal", "the gateway failed; give the request id to those who run it")
            return internal.status, refusal_body(internal, request_id), []
        for result in results:
            self._metrics.count_row(result.code)
        return _single(results[0], request_id) if single else _many(results, request_id)

    def _rows(self, text: bytes) -> tuple[list[Any], bool]:
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Refusal("malformed_json", f"the body is no JSON: {error.msg}, at character {error.pos}") from None
        if isinstance(body, dict):
            return [body], True
        if not isinstance(body, list) or not body:
            raise Refusal("malformed_request", "send an object for one impression, or a list of objects for many")
        if len(body) > self._limits.max_rows:
            raise Refusal("too_many_rows", f"{len(body)} rows; send at most {self._limits.max_rows} in a request")
        return body, False


def request_id_of(scope: Scope) -> str:
    """The caller's X-Request-Id where it is 1 to 64 of the characters A-Z a-z 0-9 . _ -, else a new one."""
    given = header(scope, b"x-request-id")
    return given.decode() if given and _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def refusal_body(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """The answer to a request that was refused as a whole."""
    return {
        "success": False,
        "code": refusal.code,
        "message": refusal.message,
        "prediction": None,
        "model_version": None,
        "request_id": request_id,
    }


def refusal_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """Headers that go with a refusal (RFC 9110, section 10.2.3; RFC 6750, section 3)."""
    if refusal.status == 401:
        fault = b"" if refusal.code == "token_missing" else b' error="invalid_token"'
        return [(b"www-authenticate", b"Bearer" + fault)]
    if refusal.retry_after_s is not None:
        return [(b"retry-after", str(max(1, math.ceil(refusal.retry_after_s))).encode())]
    return []


def _single(result: RowResult, request_id: str) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
    refused = None if result.success else Refusal(result.code, result.message, _retry_after_s(result.code))
    headers = [] if refused is None else refusal_headers(refused)
    return CODES[result.code].status, {**result._asdict(), "request_id": request_id}, headers


def _many(results: list[RowResult], request_id: str) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
    failed = sum(not result.success for result in results)
    versions = {result.model_version for result in results if result.success}
    common = {result.code for result in results}
    if failed == len(results) and len(common) == 1 and CODES[results[0].code].status >= 500:
        refusal = Refusal(results[0].code, results[0].message, _retry_after_s(results[0].code))
        return refusal.status, refusal_body(refusal, request_id), refusal_headers(refusal)
    body = {
        "success": not failed,
        "code": ROWS_FAILED if failed else OK,
        "message": f"{failed} of {len(results)} rows were not answered" if failed else "",
        "predictions": [result._asdict() for result in results],
        "model_version": versions.pop() if len(versions) == 1 else None,
        "request_id": request_id,
    }
    return 200, body, []


def _retry_after_s(code: str) -> float | None:
    return 1.0 if CODES[code].status == 503 else None


async def send_json(
    send: Send, status: int, body: dict[str, Any], request_id: str, headers: list[tuple[bytes, bytes]]
) -> None:
    """Sends a whole answer."""
    text = orjson.dumps(body)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(text)).encode()),
                (b"x-request-id", request_id.encode()),
                (b"cache-control", b"no-store"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": text})
