"""A reply's head and body handed to the socket together.

uvicorn writes them one after the other, each with a system call that wakes the client.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any


class WholeReply:
    """Within it, what `send` writes is held; at its end, it is written at once.

    uvicorn's cycle, whose method `send` is, has the transport; another server has none, and then nothing is held.
    """

    __slots__ = ("_closed", "_cycle", "_parts", "_transport")

    def __init__(self, send: Any) -> None:
        cycle = getattr(send, "__self__", None)
        self._cycle = cycle if hasattr(cycle, "transport") else None
        self._parts: list[bytes] = []
        self._closed = False

    def __enter__(self) -> None:
        if self._cycle is not None:
            self._transport, self._cycle.transport = self._cycle.transport, self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cycle is None:
            return
        self._cycle.transport = self._transport
        if self._parts:
            self._transport.writelines(self._parts)
        if self._closed:
            self._transport.close()

    def write(self, data: bytes) -> None:
        """As of asyncio.WriteTransport."""
        self._parts.append(data)

    def close(self) -> None:
        """As of asyncio.WriteTransport."""
        self._closed = True

    def is_closing(self) -> bool:
        """As of asyncio.WriteTransport."""
        return self._closed or bool(self._transport.is_closing())
