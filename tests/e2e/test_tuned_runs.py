"""A search in a run as a person types it, and a later run that trains with what it found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from local_run import SMALL, run_local

from configs.best_values import read_best

pytestmark = pytest.mark.e2e

SEARCH = (
    "tuner.enabled=true",
    "tuner.trials=2",
    "tuner.space={trainer.learning_rate: {choices: [0.005, 0.006]}}",
    "canary.enabled=false",
)


def test_a_later_run_trains_with_the_best_values_of_a_search(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    first = run_local(data, output, "--force-bless", "a search", settings=(*SMALL, *SEARCH))
    assert first.status == 0, first.errors
    tuning = first.summary["tuning"]
    assert (tuning["state"], len(tuning["trials"])) == ("searched", 2)
    assert "AdExampleGen" in first.states("cached")
    assert re.search(r"^  CreativeTuner +trial 2/2: log loss 0\.\d{5} \(", first.text, re.MULTILINE)
    log = next((output / "logs" / first.summary["run_id"]).glob("*-CreativeTuner.log"))
    assert "trial 2/2: log loss" in log.read_text(encoding="utf-8")
    assert "tuning     2 trials; the best: log loss" in first.text
    file = output / "tuning" / "best.yaml"
    assert read_best(file).values == tuning["values"]

    later = run_local(data, output, "--set", "canary.enabled=false")
    assert later.status == 0, later.errors
    assert later.summary["tuning"]["state"] == "reused"
    assert later.summary["settings"]["trainer"]["learning_rate"] == tuning["values"]["trainer.learning_rate"]
    assert f"adclick: with the values that a search found: {file}" in later.text
    assert later.summary["metrics"]["auc"] == first.summary["metrics"]["auc"]  # the same model again
    assert later.summary["pushed_version"] == first.summary["pushed_version"]
