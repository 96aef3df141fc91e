"""Reads the body of a REST request: bounded in size, inflated where it is gzip.

TF Serving has no limits here; these refuse in the words of serving/request_error.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Mapping
from typing import Any

from serving.request_error import BodyTooLargeError, invalid_argument
from serving.server.admission import Admitted

_DISCARD_S = 0.5


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: nobody is left to answer."""


async def read_body(receive: Any, headers: Mapping[bytes, bytes], max_body_bytes: int, admitted: Admitted) -> bytes:
    """The whole body, inflated; its bytes are counted for `admitted` as they come.

    Raises:
        BodyTooLargeError: beyond `max_body_bytes`, as sent or inflated.
        RequestError: INVALID_ARGUMENT for bad gzip; overload where memory for bodies is used up.
        ClientGoneError: where the connection ends first.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > max_body_bytes:
        if b"expect" not in headers:  # 100-continue: the client sends nothing before it is told to
            await _discard(receive)
        raise BodyTooLargeError(max_body_bytes)
    body, more = await _next_part(receive)
    admitted.grow(len(body))
    if more:
        body = await _read_on(receive, body, max_body_bytes, admitted)
    elif len(body) > max_body_bytes:
        raise BodyTooLargeError(max_body_bytes)
    if b"gzip" in headers.get(b"content-encoding", b"").lower():
        inflated = inflate(body, max_body_bytes)
        admitted.grow(len(inflated))
        return inflated
    return body


async def _read_on(receive: Any, first: bytes, max_body_bytes: int, admitted: Admitted) -> bytes:
    parts = [first]
    size = len(first)
    more = True
    while more:
        if size > max_body_bytes:
            parts.clear()
            await _discard(receive)
            raise BodyTooLargeError(max_body_bytes)
        part, more = await _next_part(receive)
        admitted.grow(len(part))
        parts.append(part)
        size += len(part)
    if size > max_body_bytes:
        raise BodyTooLargeError(max_body_bytes)
    return b"".join(parts)


async def _next_part(receive: Any) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


async def _discard(receive: Any) -> None:
    """Reads on a moment: closing while a client still sends would reset the reply away (RFC 9112 §9.6)."""

    async def read_on() -> None:
        while (await _next_part(receive))[1]:
            pass

    with contextlib.suppress(asyncio.TimeoutError, ClientGoneError):
        await asyncio.wait_for(read_on(), _DISCARD_S)


def inflate(body: bytes, max_body_bytes: int) -> bytes:
    """The content of a gzip body, of at most `max_body_bytes`.

    Raises:
        BodyTooLargeError: where there is more.
        RequestError: INVALID_ARGUMENT where it is not gzip, or cut short.
    """
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
