"""A time limit on the rest of a coroutine."""

from __future__ import annotations

import asyncio
import math


class TaskTimeout:
    """Cancels the running task after `timeout_s` (infinite: never) unless closed before; `expired` then tells why.

    asyncio.wait_for makes a task for every wait, which costs more than all else that is done for a small request.
    """

    __slots__ = ("_handle", "_task", "expired")

    def __init__(self, timeout_s: float) -> None:
        self.expired = False
        self._task = asyncio.current_task()
        self._handle: asyncio.TimerHandle | None = None
        if timeout_s < math.inf:
            self._handle = asyncio.get_running_loop().call_later(timeout_s, self._expire)

    def _expire(self) -> None:
        self.expired = True
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Lifts the limit."""
        if self._handle is not None:
            self._handle.cancel()
