"""Lets a few requests into each round of the event loop, so that no protocol starves the other.

grpc.aio needs several rounds for one call. A flood of REST requests, all parsed in the same round, makes rounds so long
that gRPC calls would wait for seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque

_PER_ROUND = 32


class Turnstile:
    """First come, first through; used on the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, per_round: int = _PER_ROUND) -> None:
        self._loop = loop
        self._per_round = per_round
        self._free = per_round
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Returns at once, or in a later round where this one has had its share."""
        if self._free and not self._waiting:
            self._free -= 1
            self._turn_soon()
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        self._turn_soon()
        await turn

    def _turn_soon(self) -> None:
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        self._free = self._per_round
        while self._waiting and self._free:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled while it waited
                turn.set_result(None)
                self._free -= 1
        if self._free < self._per_round:
            self._turn_soon()
