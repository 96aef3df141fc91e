"""Loads beside requests let them go first."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from serving.models.load_job import LoadJob
from serving.models.load_threads import LoadThreads
from serving.models.version_scan import fingerprint


def niceness_of_a_load(*, beside_requests: bool) -> int:
    found: list[int] = []
    done = threading.Event()

    def load(version_dir: Path) -> Any:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        raise ValueError(version_dir)

    threads = LoadThreads(1, load, lambda _job, _result: done.set())
    threads.start(LoadJob("click", 1, Path("1"), fingerprint(Path("1"))), beside_requests)
    assert done.wait(10)
    threads.join(10)
    return found[0]


def test_a_load_beside_requests_is_nicer_than_the_first_and_than_its_process() -> None:
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert niceness_of_a_load(beside_requests=False) == own
    assert niceness_of_a_load(beside_requests=True) == 10  # setpriority sets, it does not add
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
