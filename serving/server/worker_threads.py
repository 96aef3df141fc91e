"""A few threads that run models, so that the event loop does not wait for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class WorkerThreads:
    """Runs what is put in, in order, on `count` threads.

    concurrent.futures would add a future and a condition variable to every run, which costs as much as a small graph.
    """

    def __init__(self, count: int, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, job: Callable[[], None]) -> None:
        """Runs `job` on the next free thread; it must not raise."""
        self._jobs.put(job)

    def stop(self, timeout_s: float) -> None:
        """Ends the threads after the jobs put so far; waits so long for each at most."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or the last batch's arrays would stay until the next one
