"""Rows of several requests share a call: while one is under way, what arrives waits for the next one together.

With none under way rows are sent at once: nobody waits for company. Further calls go out beside the first where a whole
call's rows wait, or where it takes long, so that one stalled call holds nobody up. If the server refuses a call, its
rows are asked again by halves, so that a bad row fails alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from configs.gateway import Upstream
from serving.gateway.codes import Refusal
from serving.gateway.field_checks import Value
from serving.gateway.model_calls import Answer, ModelCalls, RowsRefusedError

_PATIENCE_S = 0.01  # several times what a call takes
_WHOLE_S = 1.0  # how long calls are not halved after one that failed row by row


class _Waiting:
    """A row that waits for its answer."""

    __slots__ = ("deadline_s", "future", "values")

    def __init__(self, values: Sequence[Value], deadline_s: float, future: asyncio.Future[Answer]) -> None:
        self.values, self.deadline_s, self.future = values, deadline_s, future


class Coalescer:
    """One lane to the model. To be used on one event loop."""

    def __init__(self, calls: ModelCalls, settings: Upstream, max_rows_per_call: int) -> None:
        self._calls, self._settings, self._max_rows = calls, settings, max_rows_per_call
        self._waiting: deque[_Waiting] = deque()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._whole_until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting_rows(self) -> int:
        """Rows that no call has taken yet."""
        return len(self._waiting)

    def submit(self, rows: Sequence[Sequence[Value]], deadline_s: float) -> list[asyncio.Future[Answer]]:
        """A future for each row, which fails with Refusal or RowsRefusedError; `deadline_s` by the loop's clock.

        Raises:
            Refusal: `overloaded`, before any row is taken.
        """
        if len(self._waiting) + len(rows) > self._settings.max_waiting_rows:
            raise Refusal("overloaded", "too many rows wait for the model already; try again later", 1.0)
        loop = asyncio.get_running_loop()
        taken = [_Waiting(values, deadline_s, loop.create_future()) for values in rows]
        self._waiting.extend(taken)
        self._dispatch(1)
        return [each.future for each in taken]

    def _dispatch(self, max_beside: int) -> None:
        """Sends what waits: up to `max_beside` calls in all, more only for whole calls."""
        while self._waiting:
            whole = len(self._waiting) >= self._max_rows
            if len(self._in_flight) >= (self._settings.max_calls_in_flight if whole else max_beside):
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._go_beside)
                return
            now_s = asyncio.get_running_loop().time()
            batch: list[_Waiting] = []
            while self._waiting and len(batch) < self._max_rows:
                row = self._waiting.popleft()
                if row.future.done():  # its request has gone
                    continue
                if row.deadline_s <= now_s:
                    row.future.set_exception(_too_late())
                else:
                    batch.append(row)
            if batch:
                task = asyncio.get_running_loop().create_task(self._run(batch))
                self._in_flight.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._dispatch(1)

    def _go_beside(self) -> None:
        """Rows have waited for long: they do so no more where another call may go out."""
        self._timer = None
        if len(self._in_flight) < self._settings.max_calls_in_flight:
            self._dispatch(len(self._in_flight) + 1)

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        """Asks for a batch, and by halves where it is refused."""
        halve = asyncio.get_running_loop().time() >= self._whole_until_s
        answered = await self._ask(batch, halve)
        if halve and not answered and len(batch) > 1 and _refused(batch):
            # It is not the rows: halving each call would only multiply the calls.
            self._whole_until_s = asyncio.get_running_loop().time() + _WHOLE_S

    async def _ask(self, batch: Sequence[_Waiting], halve: bool) -> int:
        """How many rows were answered. The latest deadline counts for the call; whoever waits watches his own."""
        timeout_s = max(row.deadline_s for row in batch) - asyncio.get_running_loop().time()
        try:
            answers = await self._calls.predict([row.values for row in batch], timeout_s)
        except RowsRefusedError as error:
            if len(batch) > 1 and halve:
                middle = len(batch) // 2
                return await self._ask(batch[:middle], halve) + await self._ask(batch[middle:], halve)
            _fail(batch, error)
            return 0
        except Exception as error:
            _fail(batch, error)
            return 0
        except asyncio.CancelledError:
            _fail(batch, Refusal("shutting_down", "the gateway is ending"))
            raise
        for row, answer in zip(batch, answers, strict=True):
            if not row.future.done():
                row.future.set_result(answer)
        return len(batch)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for row in batch:
        if not row.future.done():
            row.future.set_exception(error)


def _refused(batch: Sequence[_Waiting]) -> bool:
    """Whether the server refused every row that is still wanted."""
    futures = [row.future for row in batch if not row.future.cancelled()]
    return bool(futures) and all(isinstance(future.exception(), RowsRefusedError) for future in futures)


def _too_late() -> Refusal:
    return Refusal("deadline_exceeded", "the model did not answer in time; try again later")
