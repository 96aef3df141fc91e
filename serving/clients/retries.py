"""Asks again after failures that a second try can mend, within the caller's deadline.

A prediction changes nothing on the server, so that asking twice is safe (RFC 9110, section 9.2.2, on idempotent
requests). The waits grow exponentially and are drawn at random below their bound ("full jitter": M. Brooker,
Exponential Backoff And Jitter, AWS Architecture Blog, 2015), so that many clients do not come back at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

from serving.clients.client_errors import ClientError, DeadlineError

FIRST_DELAY_S = 0.05
MAX_DELAY_S = 2.0

T = TypeVar("T")


def with_retries(attempt: Callable[[], T], retries: int, deadline: float) -> T:
    """The first result of `attempt`, tried at most 1 + `retries` times before `deadline` (time.monotonic, seconds).

    Tried again: connections refused or lost, and refusals by a busy server (429, 503, RESOURCE_EXHAUSTED, UNAVAILABLE).
    Where the server says how long to wait, it is obeyed. A wait that would outlast the deadline is not begun.

    Raises:
        ClientError: the last attempt's, with the number of attempts.
    """
    tried = 0
    while True:
        tried += 1
        try:
            return attempt()
        except ClientError as error:
            error.attempts = tried
            if not error.retryable or isinstance(error, DeadlineError) or tried > retries:
                raise
            delay_s = random.uniform(0, min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** (tried - 1)))
            if error.retry_after_s is not None:
                delay_s += error.retry_after_s
            if time.monotonic() + delay_s >= deadline:
                raise
        time.sleep(delay_s)


def parse_retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header, which gives seconds or a date (RFC 9110, section 10.2.3); None for neither."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())
