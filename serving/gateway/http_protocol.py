"""uvicorn's HTTP protocol with a limit on the head of a request, which it takes in whatever the length."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024


class HeadLimitedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers exceed MAX_HEAD_BYTES before they end."""

    _in_head, _head_bytes, _heads = True, 0, 0

    def data_received(self, data: bytes) -> None:
        """Parses first: only a chunk that is all of one head counts, as others hold a body or its end too."""
        started_in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if started_in_head and heads == self._heads:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.close()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head, self._head_bytes = False, 0
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head begins."""
        self._in_head = True
        super().on_message_complete()
