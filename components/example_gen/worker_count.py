"""How many processes an ingest is worth, and this machine can bear."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import joblib  # type: ignore[import-untyped]  # has no types
import psutil

from adclick.filesystem import open_binary
from components.example_gen.blocks import Block
from components.example_gen.csv_blocks import WHOLE_FILE, CsvBlock

# A worker starts in 1.1 s, 0.9 of them CPU, and one process ingests a MiB of CSV in 0.11 s. Two workers therefore save
# wall time from 1.1 s / (0.11 s / 2) = 20 MiB on. At 128 MiB (14 s of work, 8 s in two workers) the CPU spent on
# starting them is an eighth of the work: 2 * 0.9 s / 14 s.
MIN_BYTES = 128 << 20
# A worker holds 275 MiB at its peak with 13 columns, the component's own process 860 MiB: 0.86 + 8 * 0.38 < 4 GiB.
WORKER_BYTES = 384 << 20
MAX_WORKERS = 8
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def worker_count(blocks: Sequence[Block]) -> int:
    """1 where further processes would not pay; else no more than blocks, usable cores and memory allow.

    Usable cores are those of the CPU affinity and the container's quota; LOKY_MAX_CPU_COUNT lowers them.
    """
    if planned_bytes(blocks) < MIN_BYTES:
        return 1
    return max(1, min(len(blocks), int(joblib.cpu_count()), free_memory_bytes() // WORKER_BYTES, MAX_WORKERS))


def planned_bytes(blocks: Sequence[Block]) -> int:
    """Bytes of CSV; compressed files and Parquet count as stored, which is less than the work that they are."""
    plain = 0
    others = set()
    for block in blocks:
        if isinstance(block, CsvBlock) and block.end != WHOLE_FILE:
            plain += block.end - block.start
        else:
            others.add(block.file.uri)
    return plain + sum(map(_size, others))


def free_memory_bytes() -> int:
    """What the machine and the container's limit (cgroup v2 or v1) leave; files in the page cache count as free."""
    free = int(psutil.virtual_memory().available)
    own = int(psutil.Process().memory_info().rss)
    for limit in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # absent, or "max"
            free = min(free, int(limit.read_text(encoding="ascii")) - own)
    return max(0, free)


def _size(uri: str) -> int:
    with open_binary(uri) as stream:
        return stream.seek(0, os.SEEK_END)
