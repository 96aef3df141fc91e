"""The search space: how it is written, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from adclick.errors import SettingsError
from configs.loading import load_settings
from configs.settings import Model, Trainer
from configs.tuning import DEFAULT_SPACE, Tuner, leaves, nested, value_at, with_values

SECTIONS = {"model": Model(), "trainer": Trainer()}


def test_off_and_with_a_space_by_default() -> None:
    tuner = load_settings().tuner
    assert not tuner.enabled
    assert tuner.space == DEFAULT_SPACE


def test_every_default_of_a_searched_setting_lies_in_the_default_space() -> None:
    """So that the first trial has the settings' own values."""
    for path, dimension in DEFAULT_SPACE.items():
        own = value_at(SECTIONS, path)
        if dimension.choices is not None:
            assert own in dimension.choices
        else:
            assert dimension.min is not None and dimension.max is not None
            assert dimension.min <= own <= dimension.max


def test_paths_with_dots_and_nested_mean_the_same() -> None:
    dots = load_settings(None, ["tuner.space={model.image_tower.dropout: {choices: [0.0, 0.2]}}"])
    nests = load_settings(None, ["tuner.space.model.image_tower.dropout.choices=[0.0, 0.2]"])
    assert (
        dots.tuner.space
        == nests.tuner.space
        == {
            "model.image_tower.dropout": Tuner.model_validate(
                {"space": {"model.image_tower.dropout": {"choices": [0.0, 0.2]}}}
            ).space["model.image_tower.dropout"]
        }
    )


def test_a_space_of_ones_own_replaces_the_default_one() -> None:
    settings = load_settings(None, ["tuner.space={trainer.epochs: {min: 2, max: 8}}"])
    assert list(settings.tuner.space) == ["trainer.epochs"]


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ("{model.droput: {min: 0.0, max: 0.5}}", "tuner.space.model.droput: there is no such setting; did you mean"
         " 'model.dropout'?"),
        ("{modle: {dropout: {min: 0.0, max: 0.5}}}", "tuner.space.modle.dropout: there is no such setting; did you mean"
         " 'model.dropout'?"),
        ("{model.image_tower: {choices: [1]}}", "tuner.space.model.image_tower: there is no such setting"),
        ("{trainer.seed: {min: 1, max: 9}}", "tuner.space.trainer.seed: is not searched: the best of several seeds"),
        ("{model.dropout: {min: 0.0, max: 1.0}}", "tuner.space.model.dropout: max 1.0: Input should be less than 1"),
        ("{trainer.epochs: {min: 0, max: 4}}", "tuner.space.trainer.epochs: min 0: Input should be greater than or"),
        ("{trainer.epochs: {min: 1.5, max: 4}}", "tuner.space.trainer.epochs: min 1.5: Input should be a valid int"),
        ("{trainer.epochs: {min: 1, max: 4, step: 0.5}}", "tuner.space.trainer.epochs: step 0.5 is no whole number"),
        ("{model.kind: {choices: [dcn_v2, dcnv3]}}", "tuner.space.model.kind: choice 'dcnv3': Input should be"),
        ("{model.deep_units: {choices: [[32], 64]}}", "tuner.space.model.deep_units: choice 64: Input should be a"),
        ("{model.deep_units: {min: 1, max: 4}}", "tuner.space.model.deep_units: is no number: give choices"),
        ("{model.dropout: {min: 0.5, max: 0.5}}", "tuner.space.model.dropout: min 0.5 is not below max 0.5"),
        ("{model.dropout: {min: 0.5}}", "tuner.space.model.dropout: has neither choices nor a range"),
        ("{model.dropout: {choices: []}}", "tuner.space.model.dropout: has no choices"),
        ("{model.dropout: {choices: [0.1, 0.1]}}", "tuner.space.model.dropout: names a choice twice"),
        ("{model.dropout: {choices: [0.1], min: 0}}", "tuner.space.model.dropout: has both choices and a range"),
        ("{model.dropout: {min: 0.0, max: 0.5, sampling: log}}", "tuner.space.model.dropout: min 0.0 has no logarithm"),
        ("{model.dropout: {min: 0.1, max: 0.5, sampling: log, step: 1}}", "tuner.space.model.dropout: step 1 leads"),
        ("{model.dropout: {mim: 0.1, max: 0.5}}", "tuner.space.model.dropout.mim: unknown key; did you mean 'min'?"),
        ("{model.dropout: {min: 0.1, max: .inf}}", "tuner.space.model.dropout.max"),
        ("{model.dropout: 0.3}", "tuner.space.model.dropout: got 0.3: it must be a mapping of keys to values"),
        ("{model.dropout: {max: 0.1, min: 0}, model: {dropout: {min: 0, max: 0.2}}}", "tuner.space.model.dropout is"
         " there twice"),
        ("{}", "tuner.space names no setting"),
    ],
)  # fmt: skip
def test_a_wrong_space_is_told_with_its_path_and_the_fix(space: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"tuner: {{space: {space}}}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load_settings(file)
    assert str(error.value).startswith(f"{file}: {told}")


def test_a_misspelt_key_of_the_tuner_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"tuner\.trails: unknown key; did you mean 'trials'\?"):
        load_settings(None, ["tuner.trails=3"])


def test_every_setting_of_both_sections_has_a_path() -> None:
    paths = dict(leaves(SECTIONS))
    assert paths["model.image_tower.dropout"] is float
    assert paths["trainer.epochs"] is int
    assert "model.image_tower" not in paths


def test_values_are_laid_over_the_sections() -> None:
    values = {"model.image_tower.dropout": 0.3, "model.deep_units": [8, 4], "trainer.epochs": 2}
    assert nested(values) == {
        "model": {"image_tower": {"dropout": 0.3}, "deep_units": [8, 4]},
        "trainer": {"epochs": 2},
    }
    changed = with_values(SECTIONS, values)
    assert [value_at(changed, path) for path in values] == [0.3, [8, 4], 2]
    assert value_at(changed, "model.image_tower.features") == 24  # what nobody names stays


def test_the_settings_survive_their_way_through_json() -> None:
    """Components get them so."""
    tuner = load_settings(None, ["tuner.space={model.deep_units: {choices: [[8], [8, 4]]}}"]).tuner
    assert Tuner.model_validate_json(tuner.model_dump_json()) == tuner
