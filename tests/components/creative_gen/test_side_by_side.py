"""Threads whose results come in order."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from components.creative_gen.side_by_side import THREADS, in_order


def test_results_come_in_order_and_side_by_side() -> None:
    seen = set()

    def work(number: int) -> int:
        seen.add(threading.get_ident())
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_order(work, range(200))) == [number * number for number in range(200)]
    assert len(seen) > 1


def test_little_is_begun_before_it_is_wanted() -> None:
    begun = itertools.count()
    results = in_order(lambda _: next(begun), range(100_000))
    next(results)
    results.close()
    assert next(begun) <= 4 * THREADS


def test_an_error_reaches_whoever_takes_the_results() -> None:
    def work(number: int) -> int:
        return 1 // (number - 3)

    results = in_order(work, range(10))
    assert next(results) == -1
    with pytest.raises(ZeroDivisionError):
        list(results)
