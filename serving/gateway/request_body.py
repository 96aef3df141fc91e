"""Request bodies, read within limits of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import async_timeout

from serving.gateway.codes import Refusal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class ClientGoneError(Exception):
    """The connection ended before the body did."""


def header(scope: MutableMapping[str, Any], name: bytes) -> bytes | None:
    """The first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def only_header(scope: MutableMapping[str, Any], name: bytes) -> bytes | None:
    """The header of that name. Raises Refusal `token_malformed` for several: a proxy may have looked at another one."""
    found = [bytes(value) for key, value in scope["headers"] if key == name]
    if len(found) > 1:
        raise Refusal("token_malformed", f"send one header {name.decode().title()!r}")
    return found[0] if found else None


async def read_body(scope: MutableMapping[str, Any], receive: Receive, max_body_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises:
        Refusal: `encoding_unsupported`, `body_too_large` (by its announced length before any of it is read) or
            `body_timeout`.
        ClientGoneError: where nobody waits for the answer any more.
    """
    encoding = header(scope, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise Refusal("encoding_unsupported", "send the body without Content-Encoding")
    announced = header(scope, b"content-length")
    if announced is not None and int(announced) > max_body_bytes:
        raise _too_large(max_body_bytes)
    try:
        async with async_timeout.timeout(timeout_s):  # wait_for would make a task of every request
            return await _read(receive, max_body_bytes)
    except (asyncio.TimeoutError, TimeoutError):
        raise Refusal("body_timeout", f"the body took longer than {timeout_s:g} s to arrive") from None


async def _read(receive: Receive, max_body_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        piece = message.get("body", b"")
        size_bytes += len(piece)
        if size_bytes > max_body_bytes:  # a chunked body announces no length
            raise _too_large(max_body_bytes)
        pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def _too_large(max_body_bytes: int) -> Refusal:
    return Refusal(
        "body_too_large", f"the body has more than {max_body_bytes} bytes; send fewer rows or smaller images"
    )
