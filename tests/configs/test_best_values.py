"""A search's best values in a file, and whether a later run takes them up."""

from __future__ import annotations

from pathlib import Path

import pytest

from adclick.errors import SettingsError
from configs.best_values import BestValues, Found, find_best, inputs_fingerprint, read_best, to_yaml, value_of
from configs.loading import load_settings

VALUES = {"model.deep_units": [64, 32], "model.dropout": 0.25, "trainer.learning_rate": 0.0123}


def best_file(folder: Path, **changes: object) -> Path:
    found = {
        "run_id": "20260131T080000.000000Z",
        "at": "2026-01-31T08:05:00+00:00",
        "trial": 7,
        "trials": 20,
        "log_loss": 0.25,
        "own_log_loss": 0.26,
        "measured_rows": 500,
        "spans": [1, 2],
        "kind": "dcn_v2",
        "inputs": inputs_fingerprint(load_settings().features),
        **changes,
    }
    file = folder / "tuning" / "best.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(to_yaml(BestValues(values=VALUES, found=Found.model_validate(found))), encoding="utf-8")
    return file


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    best = read_best(best_file(tmp_path))
    assert best.values == VALUES
    assert (best.found.trial, best.found.spans, best.found.own_log_loss) == (7, (1, 2), 0.26)


def test_the_values_lie_over_files_and_below_the_command_line(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("model: {dropout: 0.4, cross_layers: 1}\n", encoding="utf-8")
    words = ["trainer.learning_rate=0.5"]
    reused, _ = find_best(load_settings(mine, words), best_file(tmp_path))
    assert reused is not None
    settings = load_settings(mine, words, tuned=reused.layer)
    assert (settings.model.dropout, settings.model.deep_units, settings.model.cross_layers) == (0.25, (64, 32), 1)
    assert settings.trainer.learning_rate == 0.5
    assert reused.overruled(settings) == ["trainer.learning_rate"]
    assert value_of(settings, "model.deep_units") == [64, 32]


def test_nothing_is_taken_up_where_nothing_is_or_nobody_wants_it(tmp_path: Path) -> None:
    assert find_best(load_settings(), tmp_path / "best.yaml") == (None, "")
    file = best_file(tmp_path)
    assert find_best(load_settings(None, ["tuner.reuse=false"]), file) == (None, "")
    assert find_best(load_settings(None, ["tuner.enabled=true"]), file) == (None, "")


def test_values_of_another_model_or_other_features_are_left_alone(tmp_path: Path) -> None:
    file = best_file(tmp_path, kind="logistic")
    reused, why = find_best(load_settings(), file)
    assert reused is None
    assert why == "it was found for model.kind 'logistic', and this run has 'dcn_v2'"
    file = best_file(tmp_path, inputs="0" * 12)
    assert find_best(load_settings(), file) == (None, "it was found for other features")
    named, _ = find_best(load_settings(None, [f"tuner.best={file}"]), tmp_path / "unused")
    assert named is not None  # who names the file means it


def test_a_named_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tuner\.best: .*none\.yaml: no such file"):
        find_best(load_settings(None, [f"tuner.best={tmp_path / 'none.yaml'}"]), tmp_path / "best.yaml")


@pytest.mark.parametrize("text", ["values: {model.dropout: 0.1}\n", "[]", "{", "values: 3\nfound: 4\n"])
def test_what_is_no_such_file_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "best.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"best\.yaml: is not a search's best values: .*tuner\.reuse=false"):
        find_best(load_settings(), file)


def test_only_settings_of_model_and_trainer_are_taken(tmp_path: Path) -> None:
    file = best_file(tmp_path)
    file.write_text(file.read_text().replace("model.dropout", "push.root"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"values names 'push\.root'; a search sets settings of model and trainer"):
        find_best(load_settings(), file)


def test_a_value_that_the_setting_no_longer_takes_names_the_file(tmp_path: Path) -> None:
    file = best_file(tmp_path)
    file.write_text(file.read_text().replace("model.dropout: 0.25", "model.dropout: 2"), encoding="utf-8")
    reused, _ = find_best(load_settings(), file)
    assert reused is not None
    with pytest.raises(SettingsError) as told:
        load_settings(tuned=reused.layer)
    assert str(told.value) == f"{file}: model.dropout: got 2: Input should be less than 1"
