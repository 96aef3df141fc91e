"""Python with other arguments, in a process that ends with its parent.

    python -m components.serving_canary.tied_process PARENT_PID ARGUMENTS…

A run that is killed cannot end the server that it started; the kernel does it instead (prctl(2), PR_SET_PDEATHSIG,
which outlives execve). Elsewhere than on Linux the server is ended by the canary alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Becomes the other program; returns only where the parent is gone already."""
    parent, arguments = int(sys.argv[1]), sys.argv[2:]
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody else asks it: nothing to drain
    if os.getppid() == parent:  # else it died before the kernel was asked
        os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    main()
