"""What libraries print lands in the log, below Python too, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adclick.redirection import output_to


def test_everything_written_within_lands_in_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "new" / "a.log"
    os.write(1, b"before\n")
    with output_to(log):
        os.write(1, b"from C, out\n")
        os.write(2, b"from C, err\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    os.write(1, b"after\n")
    assert log.read_text().splitlines() == ["from C, out", "from C, err", "from a child"]
    assert capfd.readouterr().out == "before\nafter\n"


def test_prints_of_python_land_there_too(tmp_path: Path) -> None:
    """In a process of its own: pytest puts another object in the place of sys.stdout."""
    code = """
import sys
from pathlib import Path
from adclick.redirection import output_to
print("before")
with output_to(Path(sys.argv[1])):
    print("within")
    print("error within", file=sys.stderr)
print("after")
"""
    log = tmp_path / "a.log"
    done = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")
    assert sorted(log.read_text().splitlines()) == ["error within", "within"]


def test_a_second_use_appends_and_a_failure_puts_output_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    with output_to(log):
        os.write(1, b"first\n")
    with pytest.raises(RuntimeError, match="in the middle"), output_to(log):
        os.write(1, b"second\n")
        raise RuntimeError("in the middle")
    os.write(1, b"on the screen\n")
    assert log.read_text() == "first\nsecond\n"
    assert capfd.readouterr().out == "on the screen\n"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with output_to(tmp_path / "a.log"):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
