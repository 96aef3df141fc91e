"""One change at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adclick.errors import AdclickError
from components.pusher.locking import exclusive

HOLD = """
import sys
from components.pusher.locking import exclusive
with exclusive(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_has_to_wait_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        message = f"{tmp_path}: another `adclick run` or `adclick models` has been"
        with pytest.raises(AdclickError, match=message), exclusive(tmp_path, wait_s=0.1):
            pass
    finally:
        holder.kill()
        holder.wait()
    with exclusive(tmp_path, wait_s=1.0):
        pass
