"""The serving benchmark still runs, peers included: small, on a model of a few columns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_model import export_gateway_model
from gateway_process import PII_KEY, REPOSITORY
from test_gateway_benchmark import CSV

from adclick.privacy import KEY_VARIABLE

pytestmark = pytest.mark.e2e


def test_every_server_answers_every_request(tmp_path: Path) -> None:
    export_gateway_model(tmp_path / "model", 1)
    (tmp_path / "data" / "month-1").mkdir(parents=True)
    (tmp_path / "data" / "month-1" / "rows.csv").write_text(CSV)
    command = [
        sys.executable, "-m", "benchmarks.serving", "--model-folder", str(tmp_path / "model"), "--data",
        str(tmp_path / "data"), "--seconds", "0.5", "--rows", "1", "3", "--concurrency", "2", "--kinds", "columns",
        "--pairs", "3",
    ]  # fmt: skip
    environment = {**os.environ, KEY_VARIABLE: PII_KEY}
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    figures = json.loads(line)
    for server in ("adclick_rest", "adclick_grpc", "flask_sync", "flask_threads"):
        for rows in (1, 3):
            found = figures[server][f"columns, {rows} rows, concurrency 2"]
            assert found["failed"] == 0, (server, found)
            assert found["rows_per_s"] == pytest.approx(rows * found["rps"], abs=1)
            assert 0 < found["p50_ms"] <= found["p99_ms"]
            assert found["server_cpu_s"] > 0
    ratio = figures["rest_rps_over_better_peer"]["columns, 1 rows, concurrency 2"]
    peers = [figures[name]["columns, 1 rows, concurrency 2"]["rps"] for name in ("flask_sync", "flask_threads")]
    ours = figures["adclick_rest"]["columns, 1 rows, concurrency 2"]["rps"]
    assert ratio == pytest.approx(ours / max(peers), abs=0.01)
    assert len(figures["batching_at_concurrency_1"]["grpc"]["p50_ratios"]) == 3
