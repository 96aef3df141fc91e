"""Memory goes back to the system a moment after large requests, and once for all of them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.server import memory


def test_large_requests_that_come_together_cause_one_trim_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed_by: list[str] = []
    monkeypatch.setattr(memory, "_PAUSE_S", 0.02)
    monkeypatch.setattr(
        memory, "_malloc_trim", lambda: lambda pad: trimmed_by.append(f"{threading.current_thread().name} {pad}")
    )

    async def requests() -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="aside") as executor:
            trim = memory.MemoryTrim(executor)
            trim.note(memory.LARGE_BYTES - 1)
            await asyncio.sleep(0.1)
            assert trimmed_by == []
            for _ in range(3):
                trim.note(memory.LARGE_BYTES)
            await asyncio.sleep(0.1)
            assert trimmed_by == ["aside_0 0"]
            trim.note(10, memory.LONG_RUN_S - 0.001)
            await asyncio.sleep(0.1)
            assert len(trimmed_by) == 1
            trim.note(10, memory.LONG_RUN_S)
            await asyncio.sleep(0.1)
            assert len(trimmed_by) == 2

    asyncio.run(requests())


def test_the_c_library_has_the_function_or_nothing_is_trimmed() -> None:
    trim = memory._malloc_trim()
    assert trim is None or trim(0) in (0, 1)
