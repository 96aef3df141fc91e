"""When a broken version is tried again; times are of a clock that the test moves."""

from __future__ import annotations

import pytest

from serving.models import load_failures
from serving.models.load_failures import LoadFailures
from serving.models.version_scan import Fingerprint
from serving.request_error import Code

ONE, OTHER = Fingerprint((("saved_model.pb", 1, 1),)), Fingerprint((("saved_model.pb", 2, 1),))


class Clock:
    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(load_failures, "time", clock)
    return clock


def test_waits_double_up_to_the_interval_and_end_after_the_retries(clock: Clock) -> None:
    failures = LoadFailures(max_num_retries=2, retry_interval_s=6)
    delays = [failures.note(1, ONE, Code.DATA_LOSS, "broken").retry_delay_s for _ in range(6)]
    # 1, 2 and 4 s are below the interval of 6 s; then the whole interval twice; then no more.
    assert delays == [1, 2, 4, 6, 6, None]
    clock.now_s += 1e6
    assert failures.waiting(1, ONE)
    assert not failures.waiting(1, OTHER)  # its files changed
    assert failures.note(1, OTHER, Code.DATA_LOSS, "broken").retry_delay_s == 1


def test_a_version_waits_until_its_time(clock: Clock) -> None:
    failures = LoadFailures(max_num_retries=5, retry_interval_s=60)
    failures.note(1, ONE, Code.UNAVAILABLE, "incomplete")
    assert failures.waiting(1, ONE)
    assert failures.copying(1)
    clock.now_s += 1.0
    assert not failures.waiting(1, ONE)
    clock.now_s += 30.0
    assert not failures.copying(1)
    failures.forget(1)
    assert list(failures.versions()) == []


def test_no_retries_means_only_when_files_change(clock: Clock) -> None:
    failures = LoadFailures(max_num_retries=0, retry_interval_s=60)
    assert failures.note(1, ONE, Code.DATA_LOSS, "broken").retry_delay_s is None
    clock.now_s += 1e6
    assert failures.waiting(1, ONE)
