"""The quality benchmark still runs: a small sample, a table, and the user's own data."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

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


def _ask(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.quality", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)


def _own(folder: Path, features: Sequence[dict[str, object]] = (), **data: object) -> Path:
    """2,000 rows whose clicks follow `shop` alone: 10 % in half of the shops, 40 % in the others."""
    draw = random.Random(1)
    with (folder / "clicks.csv").open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["shop", "visitor", "price", "counted", "side", "clicked"])
        for number in range(2000):
            shop = draw.randrange(10)
            clicked = int(draw.random() < (0.1 if shop < 5 else 0.4))
            price = "" if draw.random() < 0.2 else f"{draw.random():.3f}"
            rows.writerow([f"shop {shop}", f"visitor {number % 300}", price, 1, ("train", "eval")[number % 2], clicked])
    table = [
        {"name": "shop", "kind": "categorical"},
        {"name": "visitor", "kind": "hashed", "buckets": 50},
        {"name": "price", "kind": "numeric"},
        {"name": "side", "kind": "key", "required": True},
        {"name": "clicked", "kind": "label"},
    ]
    named = {one["name"] for one in features}
    kept = [one for one in table if one["name"] not in named]
    split = {"by": "column", "column": "side", "eval_values": ["eval"]}
    settings = {
        "data": {"root": str(folder), "pattern": "clicks.csv", "split": split, **data},
        "features": [*kept, *(features or [{"name": "counted", "kind": "ignore"}])],
        "evaluation": {"slices": [], "truth": None},
        "trainer": {"epochs": 2},
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def test_own_data_is_measured_beside_both_peers(tmp_path: Path) -> None:
    done = _ask("--config", str(_own(tmp_path)))
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])["own"]
    assert found["rows"] == {"train": 1000, "eval": 1000}
    assert "images" not in found  # there are none
    # Two groups of equal size, 10 % and 40 %: of the clicks 1/5 are in the first, of the others 3/5; so the best AUC is
    # 4/5 · 3/5 + (1/5 · 3/5 + 4/5 · 2/5) / 2 = 0.70.
    assert found["adclick"]["auc"] == pytest.approx(0.70, abs=0.06)
    for peer in ("logistic", "lightgbm"):
        ours, other = found["adclick"], found[peer]
        assert found[f"minus_{peer}"]["value"] == pytest.approx(ours["auc"] - other["auc"], abs=2e-5)
        difference = found[f"log_loss_minus_{peer}"]
        assert difference["value"] == pytest.approx(ours["log_loss"] - other["log_loss"], abs=2e-5)
        assert difference["low"] < difference["value"] < difference["high"]


def test_rows_that_the_peers_would_misread_are_refused(tmp_path: Path) -> None:
    done = _ask("--config", str(_own(tmp_path, negative_sampling_rate=0.1)))
    assert (done.returncode, done.stdout) == (2, "")
    assert "data.negative_sampling_rate: 0.1" in done.stderr
    assert "--set data.negative_sampling_rate=1" in done.stderr
    weighed = _own(tmp_path, [{"name": "counted", "kind": "weight"}])
    done = _ask("--config", str(weighed))
    assert (done.returncode, done.stdout) == (2, "")
    assert "feature 'counted' of kind 'weight'" in done.stderr


def test_a_misspelt_setting_of_ones_own_is_named(tmp_path: Path) -> None:
    done = _ask("--config", str(_own(tmp_path)), "--set", "data.negative_sampling_rat=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "negative_sampling_rate" in done.stderr
    assert "Traceback" not in done.stderr
