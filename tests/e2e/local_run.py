"""Runs of the pipeline and of its server in processes of their own, as a person starts them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from loopback_ports import free_ports

PROJECT = Path(__file__).resolve().parents[2]
IMPRESSIONS, CREATIVES = 3000, 120
# Small settings: what is tested here is the pipeline, not the model's quality.
SMALL = (
    "trainer.epochs=2",
    "trainer.min_steps=0",
    "trainer.refit=false",
    "creatives.image_px=32",
    "model.image_tower.filters=[8]",
)


@dataclass(frozen=True)
class Run:
    """One call of run_local.py."""

    status: int
    text: str
    errors: str
    output: Path

    @property
    def summary(self) -> dict[str, Any]:
        """reports/latest/summary.json."""
        loaded: dict[str, Any] = json.loads((self.output / "reports" / "latest" / "summary.json").read_text("utf-8"))
        return loaded

    def states(self, state: str) -> set[str]:
        """Components in that state."""
        return {node for node, found in self.summary["component_states"].items() if found == state}


def run_local(
    data: Path | str,
    output: Path,
    *arguments: str,
    settings: tuple[str, ...] = SMALL,
    cwd: Path = PROJECT,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Run:
    """The command as a person types it, in a process of its own."""
    command = [sys.executable, str(cwd / "run_local.py"), "--config", str(cwd / "configs" / "base.yaml")]
    command += ["--data-root", str(data), "--output-root", str(output), "--no-progress"]
    for setting in settings:
        command += ["--set", setting]
    shell = {**os.environ, "PYTHONPATH": str(cwd), **environment}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=cwd, env=shell, timeout=300)
    return Run(done.returncode, done.stdout, done.stderr, output)


@contextlib.contextmanager
def served(output: Path) -> Iterator[tuple[int, str, str]]:
    """`adclick serve` on what a run pushed: (process id, gRPC address, REST address)."""
    port, rest_port = free_ports(2)
    command = [
        sys.executable, "-m", "adclick.cli", "serve", "--output-root", str(output), "--port", str(port),
        "--rest-port", str(rest_port),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=os.environ)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"ready, gRPC (\S+), REST (\S+)", line)
            if found:
                break
        else:
            pytest.fail("the server ended without being ready")
        yield process.pid, found[1], found[2].rstrip(".")
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
