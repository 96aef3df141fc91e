"""What one component took of this machine: time, CPU time, memory at its peak, bytes left behind."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from adclick.stores import locate

CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
RESET_PEAK = "5"
"""Sets the peak of the resident memory back to what is resident now (proc(5), clear_refs)."""


class ResourceUse(NamedTuple):
    """Of one component in this process and its ended children."""

    cpu_s: float
    """User and system time."""
    peak_rss_mb: float | None
    """Of this process while the component ran, in MiB; None where the system does not tell it."""


class Meter:
    """Measures from its making on."""

    def __init__(self) -> None:
        """Sets the process's peak memory back, where the system lets it."""
        self._cpu_s = _cpu_s()
        self._resets = _reset_peak()
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def read(self) -> ResourceUse:
        """Until now."""
        return ResourceUse(round(_cpu_s() - self._cpu_s, 3), _peak_rss_mb() if self._resets else None)


def bytes_below(uris: Iterable[str]) -> int:
    """Size of all files below folders, here or in a store."""
    total = 0
    for uri in uris:
        files, path = locate(uri)
        found: dict[str, dict[str, Any]] = files.find(path, detail=True)
        total += sum(int(info.get("size") or 0) for info in found.values())
    return total


def _cpu_s() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _reset_peak() -> bool:
    with contextlib.suppress(OSError):
        CLEAR_REFS.write_text(RESET_PEAK)
        return True
    return False


def _peak_rss_mb() -> float | None:
    with contextlib.suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return None
