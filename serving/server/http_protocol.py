"""uvicorn's HTTP protocol with bounds on the head of a request, and without upgrades."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S = 30.0
MAX_HEAD_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"(\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request head is not complete in time, or too large (slow loris, CWE-400).

    Offers to change the protocol are passed over, as RFC 9110, section 7.8, lets a server do. Java's HTTP client makes
    one with its first request (h2c), and the parser would drop that request's body.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes, _heads = 0, 0
    _in_head, _in_body = True, False

    def connection_made(self, transport: Any) -> None:
        """A connection on which nothing comes is closed like an incomplete head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Watches over a head that did not come in one piece."""
        within_head, heads = not self._in_body, self._heads
        super().data_received(_without_upgrade(data) if within_head else data)
        if self._in_head and not self.transport.is_closing():
            if within_head and heads == self._heads:  # other data hold a body's end too
                self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response(f"Request head is larger than {MAX_HEAD_BYTES} bytes.")
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def on_message_begin(self) -> None:
        """The head of a request has begun."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The head is complete; what follows is the application's to bound."""
        self._in_head, self._in_body = False, True
        self._heads += 1
        self._stop_timer()
        if self.parser.should_upgrade():  # CONNECT, or a header that came in pieces: its body would be lost
            raise ValueError("no other protocol is spoken here")  # which the parser makes a 400 of
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may begin."""
        self._in_body = False
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


def _without_upgrade(data: bytes) -> bytes:
    """Renames the header Upgrade in the head that `data` begins with or goes on with."""
    end = data.find(_HEAD_END)
    head = data if end < 0 else data[:end]
    renamed = _UPGRADE.sub(rb"\1x-upgrade", head)
    return data if len(renamed) == len(head) else renamed + data[len(head) :]
