from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from serving.clients import retries
from serving.clients.client_errors import (
    ClientError,
    DeadlineError,
    ServerRefusedError,
    ServerUnreachableError,
    SignatureError,
)
from serving.clients.retries import parse_retry_after, with_retries


class Attempts:
    """Fails with these errors one after the other, then answers."""

    def __init__(self, *errors: ClientError) -> None:
        self.errors, self.count = list(errors), 0

    def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", waits.append)
    monkeypatch.setattr(retries.random, "uniform", lambda _, high: high)  # the longest wait that may be drawn
    return waits


def in_s(seconds: float) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize(
    "error",
    [
        ServerUnreachableError("refused"),
        *(ServerRefusedError(status, "busy") for status in ("429", "503", "UNAVAILABLE", "RESOURCE_EXHAUSTED")),
    ],
)
def test_what_a_second_try_can_mend_is_tried_again(error: ClientError, slept: list[float]) -> None:
    attempts = Attempts(error, error)
    assert with_retries(attempts, 2, in_s(10)) == "answer"
    assert attempts.count == 3
    assert slept == [0.05, 0.1]  # doubled each time


@pytest.mark.parametrize(
    "error",
    [
        DeadlineError("late"),
        SignatureError("other model"),
        ServerRefusedError("RESOURCE_EXHAUSTED", "Received message larger than max (5 vs. 4)"),
        *(ServerRefusedError(s, "no") for s in ("400", "404", "500", "504", "INVALID_ARGUMENT", "INTERNAL")),
    ],
)
def test_what_it_cannot_mend_is_not(error: ClientError, slept: list[float]) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)) as caught:
        with_retries(attempts, 5, in_s(10))
    assert (attempts.count, caught.value.attempts, slept) == (1, 1, [])


def test_the_last_error_is_raised_with_the_number_of_attempts(slept: list[float]) -> None:
    attempts = Attempts(*(ServerUnreachableError(str(number)) for number in range(9)))
    with pytest.raises(ServerUnreachableError, match="3") as caught:
        with_retries(attempts, 3, in_s(10))
    assert (attempts.count, caught.value.attempts) == (4, 4)


def test_waits_stop_growing_and_obey_the_server(slept: list[float]) -> None:
    told = ServerRefusedError("503", "busy", retry_after_s=3.0)
    with_retries(Attempts(*(ServerUnreachableError("lost") for _ in range(8)), told), 9, in_s(1000))
    assert slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 3.0 + 2.0]


def test_a_wait_beyond_the_deadline_is_not_begun(slept: list[float]) -> None:
    attempts = Attempts(ServerRefusedError("503", "busy", retry_after_s=60))
    with pytest.raises(ServerRefusedError):
        with_retries(attempts, 2, in_s(5))
    assert (attempts.count, slept) == (1, [])


def test_waits_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", waits.append)
    for _ in range(50):
        with_retries(Attempts(ServerUnreachableError("lost")), 1, in_s(10))
    assert len(set(waits)) == 50
    assert 0 <= min(waits) < 0.02 < max(waits) <= 0.05  # by chance outside with 0.6 ** 50 = 8e-12


def test_retry_after_is_seconds_or_a_date() -> None:
    assert parse_retry_after("3") == 3
    assert parse_retry_after(formatdate(time.time() + 100, usegmt=True)) == pytest.approx(100, abs=2)
    assert parse_retry_after(formatdate(time.time() - 100, usegmt=True)) == 0
    for text in (None, "", "-1", "soon", "١"):
        assert parse_retry_after(text) is None
