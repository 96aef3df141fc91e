"""Whether runs of a signature are so short that a thread costs more than it saves."""

from __future__ import annotations

import statistics
from collections import deque

MAX_INLINE_S = 1e-3
# Where runs that wait are made together, the next one serves all that have come meanwhile; in a thread it would serve
# the few that had come before, and cost as much again for the others.
MAX_INLINE_TOGETHER_S = 2.5e-3
# More for each row. What Python made of many rows lies in the caches of the loop's core: a run of them in a thread
# takes up to half as much time again, and both threads wait for the interpreter's lock.
MAX_INLINE_ROW_S = 6e-6
MAX_INLINE_ROWS = 4096  # that wait in all; batches are smaller
# Of a request, and more for each of its rows: an encoded image is larger, and decoding it takes milliseconds.
MAX_INLINE_BYTES = 8 * 1024
MAX_INLINE_ROW_BYTES = 512
_TOO_LONG_S = 0.02
_RUNS = 8
_FIRST_BAR_S = 1.0
_LONGEST_BAR_S = 3600.0


def is_small(size_bytes: int, rows: int) -> bool:
    """Whether a request of `size_bytes` with `rows` rows holds hardly more than columns."""
    return size_bytes <= MAX_INLINE_BYTES + MAX_INLINE_ROW_BYTES * rows


class RunTimes:
    """Times of one signature's last runs, and from them the leave to run on the event loop itself.

    None of them may have taken much of a processor, or a signature that is at times slow would hold up the loop. How
    much that is depends on the rows: times are kept as shares of what a run of as many may take. Of the time that
    passed, the median counts: some runs have waited for a processor or the interpreter lock; yet TensorFlow's default
    executor computes in threads of its own, whose time only passes here. A run that held up the loop for long bars the
    signature from it, for twice as long each time.
    """

    __slots__ = ("_bar_s", "_barred_until_s", "_cpu_share", "_passed_share", "_quick_s")

    def __init__(self, together: bool) -> None:
        """`together`: whether runs that wait are made together."""
        self._quick_s = MAX_INLINE_TOGETHER_S if together else MAX_INLINE_S
        self._passed_share: deque[float] = deque(maxlen=_RUNS)
        self._cpu_share: deque[float] = deque(maxlen=_RUNS)
        self._bar_s = _FIRST_BAR_S
        self._barred_until_s = 0.0

    def note(self, run_s: float, cpu_s: float, rows: int) -> None:
        """A run of `rows` rows in a thread took `run_s`, and `cpu_s` of that thread's processor time."""
        quick_s = self._quick_s + rows * MAX_INLINE_ROW_S
        self._passed_share.append(run_s / quick_s)
        self._cpu_share.append(cpu_s / quick_s)

    def note_inline(self, run_s: float, cpu_s: float, rows: int, now_s: float) -> None:
        """The same of a run on the loop."""
        self.note(run_s, cpu_s, rows)
        if run_s > _TOO_LONG_S:
            self._passed_share.clear()
            self._cpu_share.clear()
            self._barred_until_s = now_s + self._bar_s
            self._bar_s = min(2 * self._bar_s, _LONGEST_BAR_S)

    def may_run_inline(self, rows: int, now_s: float) -> bool:
        """Whether a run of `rows` rows in all may be made on the event loop."""
        return (
            rows <= MAX_INLINE_ROWS
            and len(self._passed_share) == _RUNS
            and now_s >= self._barred_until_s
            and max(self._cpu_share) <= 1.0
            and statistics.median_low(self._passed_share) <= 2.0
        )
