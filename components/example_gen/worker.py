"""A worker process: takes blocks from a connection, sends results back. Started by `workers`, ends with its parent."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any


def serve(connection: Connection) -> None:
    """Receives a BlockWork, then (index, block) pairs; answers each with (result, None) or (error, its trace)."""
    from components.example_gen.block_work import BlockWork

    work = connection.recv()
    if not isinstance(work, BlockWork):
        raise TypeError(f"a {type(work).__name__} instead of a BlockWork")
    while True:
        index, block = connection.recv()
        answer: tuple[Any, str | None]
        try:
            answer = work.ingest(index, block), None
        except Exception as error:  # the parent raises it
            answer = _portable(error), traceback.format_exc()
        sys.stdout.flush()
        connection.send(answer)


def _portable(error: Exception) -> Exception:
    """The error itself, or one in its words where pickling would lose it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _exit_with_parent(descriptor: int) -> None:
    """Waits until the parent hangs up: when all blocks are done, or however the parent ends, even killed."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is always told
    poll.poll()
    os._exit(0)


def main() -> None:
    """The inherited descriptor of the connection is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends its workers
    descriptor = int(sys.argv[1])
    threading.Thread(target=_exit_with_parent, args=[descriptor], daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):  # the parent hung up
        serve(Connection(descriptor))


if __name__ == "__main__":
    main()
