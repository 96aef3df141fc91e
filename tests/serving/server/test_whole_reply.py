"""Replies as a connection sees them, of uvicorn over a real socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from uvicorn_server import listening

from serving.server.whole_reply import WholeReply

LARGE = b"x" * 5_000_000  # more than a socket's buffers hold


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path, or with LARGE; asks nothing of the request."""
    body = LARGE if scope["path"] == "/large" else scope["path"].encode()
    with WholeReply(send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


def written(monkeypatch: pytest.MonkeyPatch, request: bytes) -> tuple[bytes, list[list[bytes]]]:
    """What came back until the server closed the connection, and what each call handed to the socket."""
    calls: list[list[bytes]] = []
    taken = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # the loop's own

    class Noted(taken):  # type: ignore[misc, valid-type]
        def write(self, data: bytes) -> None:
            calls.append([data])
            super().write(data)

        def writelines(self, parts: list[bytes]) -> None:
            calls.append(parts)
            super().write(b"".join(parts))

    async def main() -> bytes:
        async with listening(application) as address:
            return await asyncio.to_thread(ask, address, request)

    monkeypatch.setattr(asyncio.selector_events, "_SelectorSocketTransport", Noted)
    return asyncio.run(main()), calls


def ask(address: tuple[str, int], request: bytes) -> bytes:
    received = b""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        while part := connection.recv(1 << 20):
            received += part
    return received


def test_head_and_body_are_one_write_and_replies_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pipelined = b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received, calls = written(monkeypatch, pipelined)
    assert [len(parts) for parts in calls] == [2, 2]
    assert received == b"".join(b"".join(parts) for parts in calls)
    first, second = received.split(b"/one")
    assert first.startswith(b"HTTP/1.1 200 OK") and first.endswith(b"\r\n\r\n")
    assert second.startswith(b"HTTP/1.1 200 OK") and second.endswith(b"\r\n\r\n/two")


def test_a_head_alone_and_a_body_beyond_the_sockets_buffers_arrive_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    received, calls = written(monkeypatch, b"HEAD /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert received.endswith(b"\r\n\r\n") and len(calls) == 1
    received, calls = written(monkeypatch, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert received.endswith(b"\r\n\r\n" + LARGE) and len(calls) == 1


def test_another_server_gets_messages_as_they_come() -> None:
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(application({"path": "/one"}, None, send))
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]
