"""Ports for servers that bind seconds after they were told which: out of reach of all who ask the kernel for any."""

from __future__ import annotations

import os
import random
import socket

FIRST = 12_000  # up to 32,767: the kernel hands out ports above
PER_WORKER = 4_000
WORKERS = 5

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_given = random.SystemRandom().randrange(PER_WORKER)  # so that runs beside each other hardly meet


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on; each test process has its own, and gives none twice in a row."""
    global _given
    found: list[int] = []
    for _ in range(PER_WORKER):
        if len(found) == count:
            break
        _given = (_given + 1) % PER_WORKER
        port = FIRST + _worker * PER_WORKER + _given
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        found.append(port)
    assert len(found) == count, "no loopback port is free"
    return found
