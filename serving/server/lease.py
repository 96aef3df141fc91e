"""A model version held by a request and by the runs made for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


class Lease:
    """Keeps a version loaded until everybody who holds the lease has let go; used on the loop's thread only.

    A request that ends early (deadline, client gone) may leave a run under way in a thread: the run holds on.
    """

    __slots__ = ("_handle", "_holders", "servable")

    def __init__(self, handle: AbstractContextManager[Any]) -> None:
        """Enters `handle`; the caller is the first holder.

        Raises:
            RequestError: NOT_FOUND or INVALID_ARGUMENT where there is no such version.
        """
        self._handle = handle
        self.servable = handle.__enter__()
        self._holders = 1

    def hold(self) -> None:
        """One more holder."""
        self._holders += 1

    def release(self) -> None:
        """One holder fewer; the last one gives the version back."""
        self._holders -= 1
        if not self._holders:
            self._handle.__exit__(None, None, None)
