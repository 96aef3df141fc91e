"""How long the event loop takes in requests before it runs a model on those that have come.

What has already arrived would only have to wait for the run. With batching it can also take part in it; gRPC hands over
one call after another, each a few rounds of the loop after the one before, so that looking at the loop alone would end
the wait between any two of them.
"""

from __future__ import annotations

# Rounds of the loop without a new run after which all that has arrived counts as taken in; a gRPC call takes two.
_QUIET_ROUNDS = 2
_LONGEST_S = 0.002  # of taking in, while runs keep coming
_LONGEST_TOGETHER_S = 0.008
# Longer than gRPC takes from one call to the next, much shorter than a client takes to ask again.
_PATIENCE_S = 0.001
# So often, as many as were expected are enough, after a wait for more that was in vain.
_GATHERINGS_BETWEEN_PROBES = 8


class Gathering:
    """Decides round by round; where runs have lately come in company, it waits a moment for the next.

    It waits until as many have come as came of late, and now and then longer, to see whether more would. A client that
    asks one thing at a time is never kept waiting: its runs come alone.
    """

    def __init__(self, together: bool) -> None:
        """`together`: whether runs that are taken in together are made together."""
        self._together = together
        self._longest_s = _LONGEST_TOGETHER_S if together else _LONGEST_S
        self._expected = 1
        self._until_probe = 0  # gatherings to come that do not look for more than are expected
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
        runs = arrived - self._taken
        if now_s - self._since_s < self._longest_s:
            if self._quiet_rounds < _QUIET_ROUNDS:
                return False
            if self._waits(runs) and now_s - self._last_s < _PATIENCE_S:
                return False
        self._learn(runs)
        self._taken = arrived
        return True

    def _waits(self, runs: int) -> bool:
        """Whether more may come than the `runs` that have; what is left from before, without any new, is not kept."""
        return runs > 0 and self._expected > 1 and (runs < self._expected or not self._until_probe)

    def _learn(self, runs: int) -> None:
        if not self._together or not runs:
            return
        if runs > self._expected:
            self._expected, self._until_probe = runs, 0
        elif runs < self._expected:
            self._expected -= max(1, (self._expected - runs) // 2)  # one gathering may have missed some
            self._until_probe = _GATHERINGS_BETWEEN_PROBES
        else:
            self._until_probe = self._until_probe - 1 if self._until_probe else _GATHERINGS_BETWEEN_PROBES
