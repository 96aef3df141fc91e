"""Runs that wait for a thread, and which of them go together.

Used on the event loop's thread only, so without locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from serving.protocol.prepared_call import Outputs, Work
from serving.request_error import Code, RequestError
from serving.server.batch_arrays import row_ranks, row_shapes
from serving.server.batching_parameters import BatchingParameters
from serving.server.lease import Lease
from serving.server.run_time import RunTimes, is_small

# Requests larger than a few rows' columns, such as images, gain nothing by going together, and their runs would take
# memory and time in proportion.
_MAX_BATCH_BYTES = 256 * 1024


class Waiting:
    """One run that was asked for, from the queue to its result."""

    __slots__ = (
        "cpu_s", "deadline_s", "enqueued_s", "future", "gone", "lease", "rows", "run_s", "size_bytes", "work",
    )  # fmt: skip

    def __init__(
        self,
        lease: Lease,
        work: Work,
        rows: int,
        size_bytes: int,
        future: asyncio.Future[Outputs],
        enqueued_s: float,
        deadline_s: float | None,
        gone: Callable[[], bool] | None,
    ) -> None:
        self.lease = lease
        self.work = work
        self.rows = rows
        self.size_bytes = size_bytes
        self.future = future
        self.enqueued_s = enqueued_s
        self.deadline_s = deadline_s
        self.gone = gone
        self.run_s = 0.0
        self.cpu_s = 0.0

    def is_dropped(self, now_s: float) -> bool:
        """Whether nobody waits for the result any more: cancelled, gone, or past its deadline (which is answered)."""
        if self.future.done():
            return True
        if self.deadline_s is not None and now_s >= self.deadline_s:
            self.future.set_exception(
                RequestError(Code.DEADLINE_EXCEEDED, "The deadline passed before the model could be run")
            )
            return True
        if self.gone is not None and self.gone():
            self.future.set_exception(RequestError(Code.CANCELLED, "The client is gone"))
            return True
        return False


class BatchQueue:
    """Runs of one signature of one model version with the same outputs, oldest first."""

    def __init__(self, signature: Any, parameters: BatchingParameters | None, max_waiting: int) -> None:
        """`parameters` None: no batching; then `max_waiting` runs wait at most."""
        self.signature = signature
        self.times = RunTimes(together=parameters is not None)
        self.scheduled = False  # in the executor's round of queues
        self.rows = 0
        self.parameters = parameters
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """Appends a run.

        Raises:
            RequestError: UNAVAILABLE where the queue is full.
        """
        full = len(self._waiting) >= self._max_waiting
        if self.parameters is not None:
            full = self.rows > 0 and self.rows + waiting.rows > self.parameters.max_enqueued_rows
        if full:
            raise RequestError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; "
                f"currently {len(self._waiting)} tasks of {self.rows} rows are enqueued",
            )
        self._waiting.append(waiting)
        self.rows += waiting.rows

    def take(self, now_s: float) -> list[Waiting]:
        """The next runs to be made together; dropped ones are left out. Empty where none is left."""
        batch: list[Waiting] = []
        passed_over: list[Waiting] = []
        rows = size_rows = size_bytes = 0
        shape_of = row_shapes
        if self.parameters is not None:
            size_rows = self.parameters.max_execution_batch_size
            if self.parameters.pad_variable_length_inputs:
                shape_of = row_ranks
        shapes = None
        while self._waiting:
            candidate = self._waiting[0]
            if candidate.is_dropped(now_s):
                self._pop()
                continue
            if batch:
                if rows + candidate.rows > size_rows or size_bytes + candidate.size_bytes > _MAX_BATCH_BYTES:
                    break
                if shapes is None:
                    shapes = shape_of(batch[0].work.inputs)
                if shape_of(candidate.work.inputs) != shapes:
                    passed_over.append(self._pop())
                    continue
            batch.append(self._pop())
            rows += candidate.rows
            size_bytes += candidate.size_bytes
            if self.parameters is None:
                break
        for waiting in reversed(passed_over):
            self._waiting.appendleft(waiting)
            self.rows += waiting.rows
        return batch

    def ready_in_s(self, now_s: float) -> float:
        """Seconds until the next batch may start: 0 unless a batch timeout was asked for and the batch is not full."""
        parameters = self.parameters
        if parameters is None or not parameters.batch_timeout_s or not self._waiting:
            return 0.0
        if self.rows >= parameters.max_execution_batch_size:
            return 0.0
        return max(0.0, self._waiting[0].enqueued_s + parameters.batch_timeout_s - now_s)

    def next_is_quick(self, now_s: float) -> bool:
        """Whether the next batch may run on the event loop."""
        if self.parameters is None:
            first = self._waiting[0]
            return is_small(first.size_bytes, first.rows) and self.times.may_run_inline(first.rows, now_s)
        return self.times.may_run_inline(self.rows, now_s) and all(
            is_small(waiting.size_bytes, waiting.rows) for waiting in self._waiting
        )

    def _pop(self) -> Waiting:
        waiting = self._waiting.popleft()
        self.rows -= waiting.rows
        return waiting
