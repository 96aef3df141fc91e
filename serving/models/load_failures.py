"""Versions of one model that could not be loaded, and when each is worth another try.

A version is tried again at once when its files change, so that a copy under way is taken as soon as it is whole.
Unchanged files are tried after 1, 2, 4, … seconds up to the retry interval, and then so many times more at that
interval: quicker than the original (tensorflow_serving/util/retrier.cc), which always waits a whole interval.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from serving.models.version_scan import Fingerprint
from serving.request_error import Code

_FIRST_RETRY_S = 1.0
_COPY_QUIET_S = 30.0  # a broken version that has not changed for so long is no longer a copy under way


@dataclass(frozen=True)
class Failure:
    """Last failed attempt at a version; times are of the monotonic clock."""

    found: Fingerprint
    code: Code
    reason: str
    first_seen_s: float
    retry_delay_s: float | None  # None: not before its files change
    retry_at_s: float
    full_waits: int  # retries at the whole interval so far


class LoadFailures:
    """Failures by version, with the retry policy of one server."""

    def __init__(self, max_num_retries: int, retry_interval_s: float) -> None:
        self._max_num_retries = max_num_retries
        self._interval_s = retry_interval_s
        self._failures: dict[int, Failure] = {}

    def get(self, version: int) -> Failure | None:
        """The last failure of a version, if it has not loaded since."""
        return self._failures.get(version)

    def note(self, version: int, found: Fingerprint, code: Code, reason: str) -> Failure:
        """Records a failed attempt at files `found`, and plans the next one."""
        previous = self._failures.get(version)
        now_s = time.monotonic()
        first_seen_s, delay_s, full_waits = now_s, min(_FIRST_RETRY_S, self._interval_s), 0
        if previous is not None and previous.found == found:
            first_seen_s = previous.first_seen_s
            delay_s = min(2 * (previous.retry_delay_s or self._interval_s), self._interval_s)
            full_waits = previous.full_waits + (delay_s >= self._interval_s)
        retry = self._max_num_retries > 0 and full_waits <= self._max_num_retries
        failure = Failure(
            found, code, reason, first_seen_s, delay_s if retry else None, now_s + delay_s if retry else 0.0, full_waits
        )
        self._failures[version] = failure
        return failure

    def forget(self, version: int) -> None:
        """Drops what is known of a version that loaded or went away."""
        self._failures.pop(version, None)

    def waiting(self, version: int, found: Fingerprint) -> bool:
        """Whether `version`, whose files are now `found`, is not to be tried yet."""
        failure = self._failures.get(version)
        if failure is None or failure.found != found:
            return False
        return failure.retry_delay_s is None or time.monotonic() < failure.retry_at_s

    def versions(self) -> Iterable[int]:
        """Versions whose last attempt failed."""
        return tuple(self._failures)

    def copying(self, version: int) -> bool:
        """Whether the failed `version` may be a copy under way: incomplete, and changed lately."""
        failure = self._failures.get(version)
        return (
            failure is not None
            and failure.code is Code.UNAVAILABLE
            and time.monotonic() - failure.first_seen_s < _COPY_QUIET_S
        )

    def any_lately(self) -> bool:
        """Whether some failure is so young that its files may still be arriving."""
        now_s = time.monotonic()
        return any(now_s - failure.first_seen_s < _COPY_QUIET_S for failure in self._failures.values())
