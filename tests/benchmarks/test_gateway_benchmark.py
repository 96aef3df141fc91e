"""The gateway's benchmark: what it sends, and that it runs on a model of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_model import SETTINGS, export_gateway_model
from gateway_process import PII_KEY, REPOSITORY

from adclick.privacy import KEY_VARIABLE
from benchmarks.gateway import as_json, bodies
from configs.loading import load_settings

CSV = """impression_id,timestamp,user_id,email,age,bid,site,clicked,other
i1,2026-01-01T12:00:00Z,u1,a@b.example,30,0.5,abc,1,x
i2,2026-01-01T13:00:00Z,u2,,,1.5,abcd,0,x
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(SETTINGS)
    return path


def test_rows_of_a_csv_become_rows_of_a_caller(settings: Path) -> None:
    table = load_settings(settings).features
    row = {"impression_id": "7", "site": "abc", "age": "30", "bid": "", "clicked": "1", "other": "x"}
    assert as_json(row, table) == {"impression_id": "7", "site": "abc", "age": 30.0}


def test_one_row_goes_as_an_object_and_many_as_a_list() -> None:
    rows = [{"site": "a"}, {"site": "b"}, {"site": "c"}]
    assert [json.loads(body) for body in bodies(rows, 1)] == rows
    assert json.loads(bodies(rows, 2)[1]) == [{"site": "c"}, {"site": "a"}]  # around and around


@pytest.mark.e2e
def test_it_runs(settings: Path, tmp_path: Path) -> None:
    export_gateway_model(tmp_path / "model", 1)
    (tmp_path / "data" / "month-1").mkdir(parents=True)
    (tmp_path / "data" / "month-1" / "rows.csv").write_text(CSV)
    command = [
        sys.executable, "-m", "benchmarks.gateway", "--model-folder", str(tmp_path / "model"), "--data",
        str(tmp_path / "data"), "--settings", str(settings), "--seconds", "0.5", "--rows", "1", "3",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env={**os.environ, KEY_VARIABLE: PII_KEY}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    figures = json.loads(line)
    assert figures["concurrency"] == 16
    for rows in (1, 3):
        found = figures[f"{rows} rows"]
        assert found["failed"] == 0
        assert found["predictions_per_s"] == pytest.approx(rows * found["rps"], abs=0.2)
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert found["cpu_s_per_1000_requests"] > 0
