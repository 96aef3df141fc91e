"""Creatives drawn in one process and in several."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.drawing import CreativeSpec, creative_specs
from simulator.gallery import write_creatives
from simulator.population import Size, draw_creatives

KILLED = """
import sys
from pathlib import Path
from simulator.drawing import creative_specs
from simulator.gallery import write_creatives
from simulator.population import Size, draw_creatives

if __name__ == "__main__":
    specs = creative_specs(draw_creatives(Size(1, 20_000, 1, 20, 7)), 7)
    write_creatives(specs, Path(sys.argv[1]), lambda done: print(done, flush=True), processes=2)
"""


@pytest.fixture(scope="module")
def specs() -> list[CreativeSpec]:
    return creative_specs(draw_creatives(Size(impressions=1, creatives=120, months=1, users=20, seed=7)), 7)


def test_the_files_do_not_depend_on_the_processes(specs: list[CreativeSpec], tmp_path: Path) -> None:
    written: list[dict[str, bytes]] = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        reported: list[int] = []
        write_creatives(specs, folder, reported.append, processes)
        assert reported[-1] == 120
        assert reported == sorted(reported)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {spec.name for spec in specs}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_cannot_be_written_is_named(specs: list[CreativeSpec], tmp_path: Path, processes: int) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere/cr_00"):
        write_creatives(specs, tmp_path / "nowhere", lambda _done: None, processes)


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    images = tmp_path / "images"
    images.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(script), str(images)], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()  # the first batch is written: the workers are at work
        workers = children(parent.pid)
        assert len(workers) >= 2
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [worker for worker in workers if alive(worker)]
    for worker in left:
        os.kill(worker, signal.SIGKILL)
    assert left == []
