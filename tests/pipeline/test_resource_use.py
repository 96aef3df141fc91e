"""What a component takes of the machine."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.resource_use import CLEAR_REFS, Meter, bytes_below


def test_cpu_time_is_counted_and_sleep_is_not() -> None:
    meter = Meter()
    time.sleep(0.05)
    assert meter.seconds >= 0.05
    idle = meter.read().cpu_s
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert meter.read().cpu_s - idle >= 0.04
    assert idle < 0.05


@pytest.mark.skipif(not CLEAR_REFS.exists(), reason="only Linux sets a process's peak memory back")
def test_the_peak_is_that_of_the_component() -> None:
    """200 MB that one component took and gave back are not the next one's."""
    first = Meter()
    block = np.ones(200_000_000, np.uint8)
    assert block[-1] == 1
    taken = first.read().peak_rss_mb
    del block
    later = Meter().read().peak_rss_mb
    assert taken is not None
    assert later is not None
    assert taken - later > 150


def test_bytes_of_all_files_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "x").write_bytes(b"12345")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "y").write_bytes(b"678")
    assert bytes_below([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "gone")]) == 8
