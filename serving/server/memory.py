"""Gives memory back to the system after large requests and long runs.

glibc keeps what was freed below the top of its heaps; after bodies of tens of megabytes, or images that are as much
once decoded, that is hundreds of them.
Source: man 3 malloc_trim.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from concurrent.futures import Executor

LARGE_BYTES = 1 << 20  # of a body: what smaller ones leave behind is used again soon
LONG_RUN_S = 0.05  # of a model; the size of an image's file does not tell the size of its pixels
_PAUSE_S = 0.5  # one trim for all that comes together


class MemoryTrim:
    """Trims the heaps in a thread of `executor`, a moment after such requests; used on the loop's thread."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._trim = _malloc_trim()
        self._due = False

    def note(self, size_bytes: int, run_s: float = 0.0) -> None:
        """A request of `size_bytes` has been answered, or a model has run for `run_s` for it."""
        if self._due or self._trim is None:
            return
        if size_bytes >= LARGE_BYTES or run_s >= LONG_RUN_S:
            self._due = True
            asyncio.get_running_loop().call_later(_PAUSE_S, self._start)

    def _start(self) -> None:
        self._due = False
        if self._trim is not None:
            with contextlib.suppress(RuntimeError):  # the executor has ended, and the process is about to
                asyncio.get_running_loop().run_in_executor(self._executor, self._trim, 0)


def _malloc_trim() -> Callable[[int], int] | None:
    """The C library's function, which lets go of the interpreter's lock while it runs; None outside glibc."""
    function: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return function
