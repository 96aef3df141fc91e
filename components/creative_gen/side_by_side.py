"""Work in threads whose results come in order, few of them waiting."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CORES = os.cpu_count() or 1
THREADS = min(32, 8 * CORES)  # most of them wait for a disk or a network


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Result of each item; at most four a thread are begun or not yet taken. Raises what `work` raises."""
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for item in items:
                begun.append(pool.submit(work, item))
                if len(begun) >= 4 * THREADS:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
