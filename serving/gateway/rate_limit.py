"""Token buckets by client. They are of this process: n gateways side by side allow n times the rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from configs.gateway import RateLimit
from serving.gateway.codes import Refusal


class RateLimiter:
    """A row costs a token; a bucket fills at `rows_per_s` up to `burst_rows`."""

    def __init__(self, settings: RateLimit, now_s: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._max = settings.rows_per_s, float(settings.burst_rows), settings.max_clients
        self._now_s = now_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> tokens, when they were counted

    def take(self, client: str, rows: int) -> None:
        """Raises Refusal `rate_limited` where the client's bucket holds fewer than `rows` tokens, and takes none."""
        now_s = self._now_s()
        tokens, counted_s = self._buckets.pop(client, (self._burst, now_s))
        tokens = min(self._burst, tokens + (now_s - counted_s) * self._rate)
        allowed = tokens >= rows
        self._buckets[client] = (tokens - rows if allowed else tokens, now_s)
        if len(self._buckets) > self._max:
            self._buckets.popitem(last=False)
        if not allowed:
            raise Refusal(
                "rate_limited", f"more than {self._rate:g} rows a second; slow down", (rows - tokens) / self._rate
            )

    def __len__(self) -> int:
        """Buckets kept."""
        return len(self._buckets)
