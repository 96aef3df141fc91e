"""Lines that a component under way has for whoever watches the run: they go to its log and to the terminal.

An executor is made by TFX from its name and gets no observer; it runs in the thread of the runner that set one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Listener = Callable[[str], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(text: str) -> None:
    """One line, printed (a component's output is its log) and passed on to the listener, if there is one."""
    print(text, flush=True)
    listener = _listener.get()
    if listener is not None:
        listener(text)


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Within, `listener` gets every line."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
