"""The benchmarks of the data plane (without the peer, which takes minutes) and of the Evaluator still run, small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).resolve().parents[2]


def measured(module: str, *arguments: str) -> dict[str, Any]:
    """The one JSON line."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments], capture_output=True, text=True, cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def test_ingest() -> None:
    figures = measured("ingest", "--only", "adclick", "--rows", "2000")
    assert figures["adclick"]["rows_written"] == figures["rows"] == 2000
    assert figures["adclick"]["cpu_s"] > 0


def test_dataplane() -> None:
    figures = measured("dataplane", "--only", "adclick", "--rows", "2000")
    parts = figures["adclick"]["components"]
    assert {"ExampleGen", "StatisticsGen", "Transform"} <= parts.keys()
    counted = sum(parts[name]["cpu_s"] for name in ("ExampleGen", "StatisticsGen", "Transform"))
    assert figures["adclick"]["cpu_s"] == pytest.approx(counted)
    assert figures["adclick"]["bytes_written"] > 100_000


def test_evaluator() -> None:
    figures = measured("evaluator", "--rows", "500", "--baseline")
    assert (figures["rows"], figures["models"], figures["slice_columns"]) == (500, 2, 6)
    assert figures["greatest_difference"] < 1e-6
    assert figures["fast"]["cpu_s"] < figures["stock"]["cpu_s"]
