"""All creatives drawn and written, in this process or, where that pays, in several."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from simulator.drawing import CreativeSpec, draw_creative

# Below this, starting processes (each imports numpy and Pillow) takes longer than they save.
POOL_MIN_CREATIVES = 600
BATCH_CREATIVES = 50


def write_creatives(
    specs: Sequence[CreativeSpec], folder: Path, progress: Callable[[int], None], processes: int | None = None
) -> None:
    """Draw `specs` into `folder`; the files do not depend on the number of processes.

    Args:
        progress: called with the number of creatives written so far.
        processes: how many to draw in; by default one for each usable core, and one only for few creatives.

    Raises:
        OSError: a file cannot be written.
    """
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if len(specs) >= POOL_MIN_CREATIVES else 1
    batches = [specs[start : start + BATCH_CREATIVES] for start in range(0, len(specs), BATCH_CREATIVES)]
    write = functools.partial(write_batch, folder=folder)
    done = 0
    if processes == 1:
        for batch in batches:
            done += write(batch)
            progress(done)
        return
    # spawn: a fork would copy the threads' locks of whoever called (TensorFlow, Beam, rich)
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(processes, context, initializer=_follow_parent)
    try:
        for future in concurrent.futures.as_completed([pool.submit(write, batch) for batch in batches]):
            done += future.result()
            progress(done)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def write_batch(specs: Sequence[CreativeSpec], folder: Path) -> int:
    """Draw and write `specs`; returns how many."""
    for spec in specs:
        (folder / spec.name).write_bytes(draw_creative(spec))
    return len(specs)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end with it however it ends, even killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
