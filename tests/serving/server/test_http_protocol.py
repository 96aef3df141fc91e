"""Heads in pieces, heads without end, and offers of other protocols, over real connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from uvicorn_server import listening

from serving.server import http_protocol

BODY = b"x" * 1000
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"


def head(more: str = "", length: int = len(BODY)) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n".encode()


async def length_of_body(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body it got."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = f"[{size}]".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


def answered(pieces: Sequence[bytes], wait_s: float = 0.3) -> str:
    """What comes back for pieces sent one after the other, until nothing more comes for `wait_s`."""

    async def main() -> bytes:
        async with listening(length_of_body) as address:
            reader, writer = await asyncio.open_connection(*address)
            received = b""
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                while more := await asyncio.wait_for(reader.read(65536), wait_s):
                    received += more
            writer.close()
            return received

    return asyncio.run(main()).decode()


@pytest.mark.parametrize("name", ["Upgrade", "upgrade", "UPGRADE"])
def test_an_offer_of_another_protocol_is_passed_over_and_the_body_read(name: str) -> None:
    offered = head(H2C.replace("\nUpgrade:", f"\n{name}:"))
    assert answered([offered + BODY]).count("[1000]") == 1
    assert answered([head(), BODY, offered, BODY]).count("[1000]") == 2


def test_what_looks_like_an_offer_in_a_body_stays() -> None:
    body = b"\r\nupgrade: h2c\r\n\r\n"
    assert "[18]" in answered([head(length=18) + body])
    assert "[18]" in answered([head(length=18), body])


def test_an_offer_that_cannot_be_passed_over_is_refused_with_its_connection() -> None:
    whole = head(H2C)
    cut = whole.index(b"Upgrade: h2c") + 3
    said = answered([whole[:cut], whole[cut:] + BODY, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
    assert said.startswith("HTTP/1.1 400 ")
    assert said.count("HTTP/1.1") == 1
    assert answered([b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"]).startswith("HTTP/1.1 400 ")


def test_a_head_in_pieces_is_read_and_one_without_end_refused() -> None:
    whole = head("X-A: b\r\n")
    assert "[1000]" in answered([whole[i : i + 7] for i in range(0, len(whole), 7)] + [BODY])
    said = answered([b"POST / HTTP/1.1\r\n", *[b"X-A: " + b"a" * 8000 + b"\r\n"] * 20])
    assert said.startswith(("HTTP/1.1 400 ",)) or not said  # the reset may overtake the words


def test_a_body_does_not_count_for_the_head_behind_it() -> None:
    """The end of 200,000 bytes and half of the next head come in one piece."""
    body, following = b"x" * 200_000, head()
    said = answered([head(length=200_000) + body + following[:20], following[20:] + BODY])
    assert "[200000]" in said
    assert "[1000]" in said


def test_a_head_that_takes_too_long_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.1)
    assert answered([b"POST / HTTP/1.1\r\n", b"X-A: ", b"b"], wait_s=2.0) == ""
    assert answered([b""], wait_s=2.0) == ""
