"""Imports without the garbage collector looking on."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """For imports of tens of thousands of objects, which live as long as the process.

    The collector would walk them over and over, for a third of the CPU time. At the end they leave its sight for good
    (gc.freeze), which makes later collections cheaper too.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
