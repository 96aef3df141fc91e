"""Blocks ingested in several processes of this machine, where that pays.

Each is a plain `python -m` with a pipe: multiprocessing would import the caller's main module in every worker, which is
TFX's with ten seconds of imports, and its process pool cannot tell which block a worker died of.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adclick.errors import AdclickError
from components.example_gen import worker
from components.example_gen.block_work import BlockWork
from components.example_gen.blocks import Block
from components.example_gen.report import BlockResult


def ingest_in_workers(work: BlockWork, blocks: Sequence[Block], workers: int) -> list[BlockResult]:
    """Results in the order of the blocks, which go to whichever of `workers` processes is free.

    Raises what the first block to fail raises, and AdclickError where a worker dies. No worker is left running.
    """
    results: dict[int, BlockResult] = {}
    waiting = iter(enumerate(blocks))
    busy: dict[Any, tuple[int, _Worker]] = {}
    with contextlib.ExitStack() as running:
        for _ in range(min(workers, len(blocks))):
            started = running.enter_context(_worker())
            index, block = next(waiting)
            busy[started.connection] = index, started
            with _named_death(started, blocks, index):
                started.connection.send(work)
                started.connection.send((index, block))
        while busy:
            for connection in multiprocessing.connection.wait(list(busy)):
                index, ready = busy.pop(connection)
                with _named_death(ready, blocks, index):
                    result, trace = ready.connection.recv()
                if trace is not None:
                    raise result from RuntimeError(f"in the worker of {_told(blocks, index)}:\n{trace}")
                results[index] = result
                for following, block in waiting:
                    busy[connection] = following, ready
                    with _named_death(ready, blocks, following):
                        ready.connection.send((following, block))
                    break
    return [results[index] for index in range(len(blocks))]


class _Worker:
    """One process and this side of its connection."""

    def __init__(self) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", worker.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
            )


@contextlib.contextmanager
def _worker() -> Iterator[_Worker]:
    """A worker that is ended on the way out: at once on an error, else when it sees that nothing is left to do."""
    started = _Worker()
    try:
        yield started
    except BaseException:
        started.process.kill()
        raise
    finally:
        started.connection.close()
        started.process.wait()


@contextlib.contextmanager
def _named_death(dying: _Worker, blocks: Sequence[Block], index: int) -> Iterator[None]:
    """Raises AdclickError in place of a broken connection."""
    try:
        yield
    except (EOFError, ConnectionError):
        status = dying.process.wait()
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        why = "most likely for want of memory: give it more" if status == -signal.SIGKILL else "its log says why"
        raise AdclickError(
            f"{_told(blocks, index)}: the worker that read them ended with {how}, {why}; then run again. "
            "LOKY_MAX_CPU_COUNT=1 in the environment ingests without workers"
        ) from None


def _told(blocks: Sequence[Block], index: int) -> str:
    block = blocks[index]
    follower = blocks[index + 1] if index + 1 < len(blocks) else None
    last = follower.first_line - 1 if follower and follower.file == block.file else "the last"
    return f"{block.file.uri}: lines {block.first_line} to {last}"
