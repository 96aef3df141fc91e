"""The quality benchmark still runs: a small sample, a table and, where it is at hand, nothing of MovieLens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).resolve().parents[2]


def test_a_small_run() -> None:
    command = [sys.executable, "-m", "benchmarks.quality", "--only", "tables", "--only", "simulated", "--seeds", "1"]
    command += ["--table", "few_rows", "--impressions", "3000", "--creatives", "100", "--set", "trainer.epochs=2"]
    command += ["--sample-seed", "9"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    simulated = {name: figures["mean"] for name, figures in found["simulated"].items()}
    assert 0.0 < simulated["share"] <= 1.0
    # About 200 training clicks: one standard deviation of their luck is 0.07.
    assert simulated["training_luck"] == pytest.approx(1.0, abs=0.3)
    assert simulated["calibration_without_luck"] == pytest.approx(
        simulated["calibration_ratio"] / simulated["training_luck"], abs=1e-4
    )
    table = found["tables"]["few_rows"]
    assert 0.5 < table["auc"]["mean"] < table["auc_bayes"]["mean"]
    assert table["minus_logistic"]["mean"] == pytest.approx(
        table["auc"]["mean"] - table["auc_logistic"]["mean"], abs=1e-4
    )
