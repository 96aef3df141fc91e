"""Every way in which settings can be wrong, and what the person who wrote them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from adclick.errors import SettingsError
from configs.features import Numeric
from configs.loading import BASE_FILE, load_settings
from configs.merging import merge

KINDS = "numeric, bucketized, categorical, hashed, text, image, timestamp, weight, label, key, ignore"


def overlay(folder: Path, text: str) -> Path:
    file = folder / "overlay.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_base_file_loads_alone() -> None:
    settings = load_settings()
    assert settings == load_settings(BASE_FILE)
    assert settings.features.label.name == "clicked"
    assert settings.data.split.by == "time"
    assert settings.truth_uri == "data/sample/data/../truth"
    assert settings.image_root == "data/sample/data"


def test_layers_lie_over_each_other_in_order(tmp_path: Path) -> None:
    """base: eval_share 0.2; overlay: 0.3 and 5 epochs; words: 7 epochs. What nobody names keeps its default."""
    file = overlay(tmp_path, "data: {split: {eval_share: 0.3}}\ntrainer: {epochs: 5, batch_size: 64}\n")
    settings = load_settings(file, ["trainer.epochs=7", "model.deep_units=[8, 4]", "evaluation.truth=null"])
    assert settings.data.split.eval_share == 0.3
    assert settings.data.split.by == "time"
    assert (settings.trainer.epochs, settings.trainer.batch_size, settings.trainer.seed) == (7, 64, 7)
    assert settings.model.deep_units == (8, 4)
    assert settings.truth_uri is None


def test_an_empty_overlay_changes_nothing(tmp_path: Path) -> None:
    assert load_settings(overlay(tmp_path, "# nothing yet\n")) == load_settings()


def test_a_later_word_wins_over_an_earlier_one() -> None:
    assert load_settings(None, ["trainer.epochs=2", "trainer.epochs=4"]).trainer.epochs == 4


def test_mappings_merge_and_lists_are_replaced() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merge(below, {"a": {"y": [3]}, "b": {"z": 0}}) == {"a": {"x": 1, "y": [3]}, "b": {"z": 0}}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_features_of_an_overlay_replace_the_table(tmp_path: Path) -> None:
    text = (
        "evaluation: {slices: []}\ndata: {split: {by: hash, column: who}}\n"
        "features: [{name: who, kind: key}, {name: price, kind: numeric}, {name: y, kind: label}]\n"
    )
    table = load_settings(overlay(tmp_path, text)).features
    assert [feature.name for feature in table] == ["who", "price", "y"]
    assert isinstance(table["price"], Numeric)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trainer: {epoch: 3}", "trainer.epoch: unknown key; did you mean 'epochs'?"),
        ("trainr: {epochs: 3}", "trainr: unknown key; did you mean 'trainer'?"),
        (
            "push: {zzz: 1}",
            "push.zzz: unknown key; known here: root, model_name",
        ),
        (
            "features: [{name: age, kind: nummeric}]",
            "features.0 (feature 'age'): unknown kind 'nummeric'; did you mean 'numeric'?",
        ),
        (
            "features: [{name: age, kind: 7}]",
            f"features.0 (feature 'age'): unknown kind '7'; known here: {KINDS}",
        ),
        ("features: [{name: age}]", f"features.0 (feature 'age'): has no kind; add one of {KINDS}"),
        (
            "features: [{name: y, kind: label}, {name: age, kind: numeric, minimun: 0}]",
            "features.1.minimun (feature 'age'): unknown key; did you mean 'minimum'?",
        ),
        ("features: [{kind: label}]", "features.0.name: is missing; add it"),
        (
            "features: [{name: 1st, kind: label}]",
            "features.0.name (feature '1st'): got '1st': String should match pattern '^[A-Za-z][A-Za-z0-9_]*$'",
        ),
        ("features: [clicked]", "features.0: got 'clicked': it must be a mapping of keys to values"),
        ("features: clicked", "features: got 'clicked': it must be a list"),
        ("trainer:", "trainer: got None: it must be a mapping of keys to values"),
        ("trainer: {epochs: many}", "trainer.epochs: got 'many': Input should be a valid integer"),
        ("trainer: {epochs: 0}", "trainer.epochs: got 0: Input should be greater than or equal to 1"),
        ("data: {split: {eval_share: 1.0}}", "data.split.eval_share: got 1.0: Input should be less than 1"),
        ("data: {spans: newest}", "data.spans: got 'newest': Input should be 'all' or 'latest'"),
        ("data: {split: {by: user}}", "data.split.by: got 'user': Input should be 'time', 'hash' or 'column'"),
        (
            "data: {split: {by: hash}}",
            "data.split.column is missing: split by 'hash' needs the name of a feature of kind 'key'",
        ),
        (
            "data: {limits: {max_rejected_share_by_reason: {bad_labl: 0.1}}}",
            "data.limits.max_rejected_share_by_reason names 'bad_labl'; the reasons are bad_quotes, ragged_row,",
        ),
        (
            "data: {pattern: 'month-{SPAM}/*.csv'}",
            "data.pattern has {SPAM}; the placeholders are {SPAN}, {VERSION}, {YYYY}, {MM}, {DD}",
        ),
        (
            "data: {pattern: '{SPAN}/{YYYY}-{MM}.csv'}",
            "data.pattern has both {SPAN} and {YYYY}: keep one of them to number the spans",
        ),
        (
            "data: {pattern: '{YYYY}.csv'}",
            "data.pattern has {YYYY} alone: a span's date is {YYYY} and {MM}, with or without {DD}",
        ),
        (
            "data: {pattern: '{YYYY}-{DD}.csv'}",
            "data.pattern has a date with a gap: a span's date is {YYYY} and {MM}, with or without {DD}",
        ),
        (
            "data: {pattern: 'v{VERSION}.csv'}",
            "data.pattern has {VERSION} without a span: add {SPAN}, or {YYYY} and {MM}",
        ),
        (
            "data: {delimiter: '\"'}",
            "data.delimiter is '\"'; give one ASCII character that is no quote and no line end",
        ),
        (
            "schema: {source: file}",
            "schema.file goes with schema.source 'file' and with no other: set both or neither",
        ),
        (
            "schema: {file: mine.pbtxt}",
            "schema.file goes with schema.source 'file' and with no other: set both or neither",
        ),
        ("push: {model_name: Ads}", "push.model_name: got 'Ads': String should match pattern '^[a-z][a-z0-9_-]*$'"),
        ("evaluation: {slices: [device]}", "evaluation.slices.0: got 'device': it must be a list"),
        (
            "evaluation: {slices: [[clicked]]}",
            "evaluation.slices names the label 'clicked': slice by what is known before the click",
        ),
        (
            "evaluation: {slices: [[devise]]}",
            "evaluation.slices names 'devise', which is not in the feature table (impression_id, timestamp,",
        ),
        (
            "evaluation: {slices: [['known:devise']]}",
            "evaluation.slices names 'devise', which is not in the feature table (impression_id, timestamp,",
        ),
        (
            "data: {split: {by: hash, column: device}}",
            "data.split.column is 'device' of kind 'categorical'; it must be of kind 'key'",
        ),
        (
            "data: {split: {by: column, column: device}}",
            "data.split.column is 'device', which the model sees: give that feature kind 'key' and, if the model needs "
            "it too, a copy of the column under another name",
        ),
        (
            "data: {split: {by: column, column: fold}}",
            "data.split.column names 'fold', which is not in the feature table (impression_id,",
        ),
        ("- trainer", "holds a list; a settings file is a mapping such as 'trainer: {epochs: 3}'"),
        ("trainer: [", "is not YAML: while parsing a flow node"),
    ],
)
def test_a_fault_names_file_key_and_mend(tmp_path: Path, text: str, told: str) -> None:
    file = overlay(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        load_settings(file)
    assert str(raised.value).startswith(f"{file}: {told}")


def test_time_split_without_a_timestamp_names_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(overlay(tmp_path, "evaluation: {slices: []}\nfeatures: [{name: y, kind: label}]"))
    assert "data.split.by is 'time', but no feature has kind 'timestamp': name one, or split by 'hash'" in str(
        raised.value
    )


def test_every_fault_is_told_at_once_each_with_who_set_it(tmp_path: Path) -> None:
    file = overlay(tmp_path, "trainer: {epochs: 0}\n")
    with pytest.raises(SettingsError) as raised:
        load_settings(file, ["evaluation.bounds.max_auc_dop=1"])
    assert str(raised.value).splitlines() == [
        f"{file}: trainer.epochs: got 0: Input should be greater than or equal to 1",
        "--set evaluation.bounds.max_auc_dop=1: evaluation.bounds.max_auc_dop: unknown key; "
        "did you mean 'max_auc_drop'?",
    ]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("trainer.epochs", "--set trainer.epochs: write it as a.b=value, for example --set trainer.epochs=3"),
        ("trainer..epochs=1", "--set trainer..epochs=1: write it as a.b=value, for example --set trainer.epochs=3"),
        ("=1", "--set =1: write it as a.b=value, for example --set trainer.epochs=3"),
        ("trainer.epochs=[", "--set trainer.epochs=[: the value is not YAML: while parsing a flow node"),
        ("trainer.epochs=many", "--set trainer.epochs=many: trainer.epochs: got 'many': Input should be a valid int"),
        ("trainer.epoch=3", "--set trainer.epoch=3: trainer.epoch: unknown key; did you mean 'epochs'?"),
    ],
)
def test_a_bad_word_is_told_as_it_was_typed(word: str, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [word])
    assert str(raised.value).startswith(told)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(tmp_path / "gone.yaml")
    assert str(raised.value) == (
        f"{tmp_path}/gone.yaml: no such settings file; give the path of a YAML file to --config"
    )


@pytest.mark.parametrize("content", [None, b"\xff\xfet"])
def test_what_cannot_be_read_as_text_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "settings.yaml"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        load_settings(file)
    assert str(raised.value).startswith(f"{file}: cannot be read: ")


def test_settings_errors_end_with_status_2() -> None:
    assert SettingsError.exit_status == 2


def test_an_image_tower_that_sees_nothing_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, ["model.image_tower={statistics: false, filters: []}"])
    assert "model.image_tower has neither statistics nor filters" in str(caught.value)
    assert "set model.use_images to false" in str(caught.value)
