"""Runs loads and unloads beside the requests: a few at a time, each in a thread that ends with it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

from serving.models.load_job import Loader, LoadJob, LoadResult, run_load
from serving.models.servable_table import Servable

Finished = Callable[[LoadJob, LoadResult], None]

_LOAD_NICENESS = 10


class LoadThreads:
    """At most `num_threads` loads at the same time; with 0 a load runs in the thread that starts it."""

    def __init__(self, num_threads: int, load: Loader, finished: Finished) -> None:
        self._num_threads = num_threads
        self._load = load
        self._finished = finished
        self._lock = threading.Lock()
        self._running: set[threading.Thread] = set()

    @property
    def free(self) -> int:
        """How many loads may be started now."""
        with self._lock:
            return max(1, self._num_threads) - len(self._running)

    def start(self, job: LoadJob, beside_requests: bool = False) -> None:
        """Loads `job`'s version, then calls `finished` with the result.

        `beside_requests`: whether other versions answer meanwhile, whose requests then go first on busy processors.
        """
        if not self._num_threads:
            self._finished(job, run_load(job, self._load))
            return
        thread = threading.Thread(
            target=self._run, args=(job, beside_requests), name=f"load-{job.version}", daemon=True
        )
        with self._lock:
            self._running.add(thread)
        thread.start()

    def _run(self, job: LoadJob, beside_requests: bool) -> None:
        if beside_requests:
            # Linux keeps a niceness for each thread (man 2 setpriority, "Notes"). Not so for the first load, from whose
            # thread TensorFlow starts those that later runs share.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOAD_NICENESS)
        result = run_load(job, self._load)
        with self._lock:
            self._running.discard(threading.current_thread())
        self._finished(job, result)

    def join(self, timeout_s: float) -> bool:
        """Waits for loads under way, as TensorFlow cannot interrupt one. Returns whether all have ended."""
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in running)


class UnloadThreads:
    """Unloads retired servables after their last request, in the background."""

    def __init__(self, num_threads: int, unloaded: Callable[[Servable], None]) -> None:
        """At most `num_threads` models are closed at the same time; 0 sets no limit. Waiting does not count."""
        self._slots = threading.Semaphore(num_threads) if num_threads else None
        self._unloaded = unloaded

    def start(self, servable: Servable) -> None:
        """Closes the model once nobody uses it, then calls `unloaded`."""
        # A thread of its own: neither the manager nor an unlucky request waits for the slowest request.
        name = f"unload-{servable.version}"
        threading.Thread(target=self._run, args=(servable,), name=name, daemon=True).start()

    def _run(self, servable: Servable) -> None:
        servable.idle.wait()
        if self._slots is None:
            servable.model.close()
        else:
            with self._slots:
                servable.model.close()
        self._unloaded(servable)
