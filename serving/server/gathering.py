"""How long the event loop takes in requests before it runs a model on those that have come.

What has already arrived would only have to wait for the run. With batching it can also take part in it; gRPC hands over
one call after another, each a few rounds of the loop after the one before, so that looking at the loop alone would end
the wait between any two of them.
"""

from __future__ import annotations

# Rounds of the loop without a new run after which all that has arrived counts as taken in; a gRPC call takes two.
_QUIET_ROUNDS = 2
_LONGEST_S = 0.002  # of taking in, while runs keep coming
_LONGEST_TOGETHER_S = 0.004
_PATIENCE_S = 0.0002  # longer than gRPC takes from one call to the next, much shorter than a client takes to ask again
_MAX_ALONE = 4


class Gathering:
    """Decides round by round; where runs have lately come in company, it waits a moment for the next.

    A client that asks one thing at a time is never kept waiting: its runs come alone.
    """

    def __init__(self, together: bool) -> None:
        """`together`: whether runs that are taken in together are made together."""
        self._together = together
        self._longest_s = _LONGEST_TOGETHER_S if together else _LONGEST_S
        self._patience_s = 0.0
        self._alone = 0
        self._taken = 0
        self._seen = 0
        self._quiet_rounds = 0
        self._since_s = 0.0
        self._last_s = 0.0

    def begin(self, now_s: float) -> None:
        """The first run has come; times are of time.monotonic."""
        self._since_s = self._last_s = now_s
        self._quiet_rounds = 0

    def is_over(self, arrived: int, now_s: float) -> bool:
        """Asked once in each round; `arrived`: runs that have come since the server started."""
        if arrived != self._seen:
            self._seen = arrived
            self._last_s = now_s
            self._quiet_rounds = 0
        else:
            self._quiet_rounds += 1
        quiet = self._quiet_rounds >= _QUIET_ROUNDS and now_s - self._last_s >= self._patience_s
        if not quiet and now_s - self._since_s < self._longest_s:
            return False
        self._learn(arrived - self._taken)
        self._taken = arrived
        return True

    def _learn(self, runs: int) -> None:
        if runs > 1:
            self._alone = 0
            self._patience_s = _PATIENCE_S if self._together else 0.0
        elif runs:
            self._alone += 1
            if self._alone >= _MAX_ALONE:
                self._patience_s = 0.0
