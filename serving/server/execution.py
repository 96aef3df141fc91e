"""Runs models for the event loop: at once where they are quick and nobody waits, else in threads, batched if asked for.

Batching is work-conserving: an idle thread takes what waits at once; only while all are busy do runs gather. Source of
what batching means: tensorflow_serving/batching/batching_session.cc.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from serving.protocol.prepared_call import Outputs, Work
from serving.request_error import RequestError, invalid_argument
from serving.server.batch_arrays import batch_rows
from serving.server.batch_queue import BatchQueue, Waiting
from serving.server.batch_run import Outcome, run_batch
from serving.server.batching_parameters import BatchingParameters
from serving.server.gathering import Gathering
from serving.server.lease import Lease
from serving.server.worker_threads import WorkerThreads

_MAX_QUEUES_PER_MODEL = 256  # one for each set of outputs asked for, which clients choose

_Queues = dict[tuple[str, tuple[str, ...]], BatchQueue]


class Executor:
    """Where the event loop has models run. All methods are called on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        num_threads: int,
        max_waiting: int,
        batching: BatchingParameters | None = None,
    ) -> None:
        """`max_waiting`: runs of one signature that wait at most, where they are not batched."""
        self._loop = loop
        self._max_waiting = max_waiting
        self._batching = batching
        self._threads = WorkerThreads(num_threads, "run")
        self._idle_threads = num_threads
        self._queues: weakref.WeakKeyDictionary[Any, _Queues] = weakref.WeakKeyDictionary()
        self._round: deque[BatchQueue] = deque()  # queues with something in them
        self._flush_due = False
        self._arrived = 0
        self._gathering = Gathering(together=batching is not None)

    def submit(
        self,
        lease: Lease,
        work: Work,
        size_bytes: int,
        deadline_s: float | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Waiting:
        """Queues a run; await its `future`, and cancel that where the result is no longer wanted.

        `deadline_s` (of time.monotonic) and `gone` are asked once more right before the run: what nobody waits for is
        not run. `size_bytes` is the size of the request.

        Raises:
            RequestError: INVALID_ARGUMENT for inputs that cannot be batched, UNAVAILABLE where the queue is full.
        """
        rows = 1
        if self._batching is not None and work.inputs:
            rows = batch_rows(work.inputs)
            if rows > self._batching.max_batch_size:
                raise invalid_argument(
                    f"Task size {rows} is larger than maximum input batch size {self._batching.max_batch_size}"
                )
        future: asyncio.Future[Outputs] = self._loop.create_future()
        queue = self._queue_of(lease.servable.model, work)
        waiting = Waiting(lease, work, rows, size_bytes, future, time.monotonic(), deadline_s, gone)
        queue.put(waiting)
        if not queue.scheduled:
            queue.scheduled = True
            self._round.append(queue)
        self._arrived += 1
        self._flush_soon()
        return waiting

    def stop(self, timeout_s: float) -> None:
        """Ends the threads; what still waits is not run."""
        self._threads.stop(timeout_s)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._gathering.begin(time.monotonic())
            self._loop.call_soon(self._gather)

    def _gather(self) -> None:
        if self._gathering.is_over(self._arrived, time.monotonic()):
            self._flush()
        else:
            self._loop.call_soon(self._gather)

    def _flush(self) -> None:
        """Starts what can be started, queue by queue in turn."""
        self._flush_due = False
        ran_inline = False
        for _ in range(len(self._round)):
            queue = self._round.popleft()
            now_s = time.monotonic()
            delay_s = queue.ready_in_s(now_s)
            if delay_s:
                self._loop.call_later(delay_s, self._flush_soon)
            elif queue and not ran_inline and queue.next_is_quick(now_s):
                ran_inline = True  # one in each round, so that the loop attends to its sockets in between
                self._run_inline(queue, now_s)
            elif queue and self._idle_threads:
                self._start(queue, now_s)
            if queue:
                self._round.append(queue)
            else:
                queue.scheduled = False
        if ran_inline and self._round:
            self._flush_soon()

    def _run_inline(self, queue: BatchQueue, now_s: float) -> None:
        batch = queue.take(now_s)
        if batch:
            outcomes = run_batch(batch, queue.parameters)
            queue.times.note_inline(batch[0].run_s, batch[0].cpu_s, sum(one.rows for one in batch), now_s)
            _settle(batch, outcomes)

    def _start(self, queue: BatchQueue, now_s: float) -> None:
        batch = queue.take(now_s)
        if not batch:
            return
        self._idle_threads -= 1
        for waiting in batch:
            waiting.lease.hold()  # its request may end before the run does

        def run() -> None:
            outcomes = run_batch(batch, queue.parameters)
            # Raises only where the loop has ended, and nobody waits any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._finish, queue, batch, outcomes)

        self._threads.put(run)

    def _finish(self, queue: BatchQueue, batch: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
        self._idle_threads += 1
        queue.times.note(batch[0].run_s, batch[0].cpu_s, sum(one.rows for one in batch))
        _settle(batch, outcomes)
        for waiting in batch:
            waiting.lease.release()
        if self._round:
            self._flush()

    def _queue_of(self, model: Any, work: Work) -> BatchQueue:
        queues = self._queues.get(model)
        if queues is None:
            queues = self._queues[model] = {}
        key = (work.signature.name, tuple(work.outputs))
        queue = queues.get(key)
        if queue is None or queue.signature is not work.signature:
            if len(queues) >= _MAX_QUEUES_PER_MODEL:
                for idle in [name for name, each in queues.items() if not each]:
                    del queues[idle]
            # A signature without inputs, such as `calibration`, has no rows to put together. The original refuses it.
            batching = self._batching if work.inputs else None
            queue = queues[key] = BatchQueue(work.signature, batching, self._max_waiting)
        return queue


def _settle(batch: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.future.done():  # cancelled while it ran
            continue
        if isinstance(outcome, RequestError):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)
