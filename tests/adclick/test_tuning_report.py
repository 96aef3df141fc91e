"""What a run says and leaves of a search, or of an earlier one's values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adclick.tuning_report import publish_best, tuning_lines, tuning_part
from configs.best_values import find_best, inputs_fingerprint, read_best
from configs.loading import load_settings

VALUES = {"model.deep_units": [64], "trainer.learning_rate": 0.0123456}
TRIALS = [
    {"trial": 1, "values": {}, "own": True, "log_loss": 0.26, "seconds": 1.0, "error": None},
    {"trial": 2, "values": VALUES, "own": False, "log_loss": 0.25, "seconds": 1.0, "error": None},
    {"trial": 3, "values": {}, "own": False, "log_loss": None, "seconds": None, "error": "ValueError: no"},
]


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Of a run that searched."""
    folder = tmp_path / "tuner_results"
    folder.mkdir()
    document = {
        "run_id": "r1",
        "at": "2026-01-31T08:05:00+00:00",
        "algorithm": "random",
        "seed": 7,
        "measured_rows": 500,
        "kind": "dcn_v2",
        "inputs": inputs_fingerprint(load_settings().features),
        "values": VALUES,
        "trial": 2,
        "log_loss": 0.25,
        "own_log_loss": 0.26,
        "trials": TRIALS,
    }
    (folder / "trials.json").write_text(json.dumps(document))
    return {"CreativeTuner": {"tuner_results": str(folder)}}


def summary(tuning: dict[str, Any] | None, pushed: int | None = 5) -> dict[str, Any]:
    return {"tuning": tuning, "spans": [1, 2], "pushed_version": pushed}


def test_a_run_without_a_search_says_nothing(tmp_path: Path) -> None:
    assert tuning_part({}, load_settings(), None, "") is None
    assert tuning_lines(summary(None)) == tuning_lines({}) == []
    publish_best(summary(None), tmp_path / "report", tmp_path / "tuning")
    assert list(tmp_path.iterdir()) == []


def test_a_search_is_told_with_its_best_and_what_there_was_before(outputs: dict[str, dict[str, str]]) -> None:
    assert tuning_lines(summary(tuning_part(outputs, load_settings(), None, ""))) == [
        "tuning     3 trials, 1 failed; the best: log loss 0.25000, the settings’ own 0.26000",
        "           model.deep_units [64], trainer.learning_rate 0.01235",
    ]


def test_a_pushed_models_values_are_there_for_later_runs_which_say_so(
    outputs: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    publish_best(summary(tuning_part(outputs, load_settings(), None, "")), tmp_path / "report", tmp_path / "tuning")
    file = tmp_path / "tuning" / "best.yaml"
    assert file.read_bytes() == (tmp_path / "report" / "tuned.yaml").read_bytes()
    best = read_best(file)
    assert best.values == VALUES
    assert (best.found.spans, best.found.trials, best.found.run_id) == ((1, 2), 3, "r1")

    words = ["trainer.learning_rate=0.5"]
    reused, _ = find_best(load_settings(None, words), file)
    assert reused is not None
    part = tuning_part({}, load_settings(None, words, tuned=reused.layer), reused, "")
    assert part is not None
    assert (part["state"], part["values"], part["found"]["trial"]) == ("reused", {"model.deep_units": [64]}, 2)
    assert tuning_lines(summary(part)) == [
        f"tuning     values of {file}: model.deep_units [64]",
        "           but by --set for this run: trainer.learning_rate",
    ]


def test_a_refused_models_values_stay_in_its_report(outputs: dict[str, dict[str, str]], tmp_path: Path) -> None:
    found = summary(tuning_part(outputs, load_settings(), None, ""), pushed=None)
    publish_best(found, tmp_path / "report", tmp_path / "tuning")
    assert read_best(tmp_path / "report" / "tuned.yaml").values == VALUES
    assert not (tmp_path / "tuning").exists()
    assert (
        tuning_lines(found)[-1] == "           kept in the report's tuned.yaml only, since the model is not in service"
    )


def test_values_that_were_left_alone_are_told() -> None:
    part = tuning_part({}, load_settings(), None, "it was found for other features")
    assert tuning_lines(summary(part)) == [
        "tuning     an earlier search's values were not used: it was found for other features"
    ]
