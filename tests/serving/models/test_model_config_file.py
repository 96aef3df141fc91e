from __future__ import annotations

import logging
from pathlib import Path

import pytest

from serving.models.config_follower import ConfigFollower
from serving.models.model_config import VersionPolicy
from serving.models.model_config_file import ModelConfigFileError, parse_model_config_file

GOOD = """
# two models
model_config_list {
  config {
    name: "click" base_path: "/models/click" model_platform: "tensorflow"
    model_version_policy { latest { num_versions: 2 } }
    version_labels { key: "stable" value: 41 }
    version_labels { key: "canary" value: 42 }
  }
  config { name: "other" base_path: "/models/other" model_type: TENSORFLOW model_version_policy { all {} } }
}
"""


def test_models_policies_and_labels_are_read(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text(GOOD)
    click, other = parse_model_config_file(path)
    assert (click.name, click.base_path, click.policy) == ("click", Path("/models/click"), VersionPolicy(latest=2))
    assert click.labels == {"stable": 41, "canary": 42}
    assert (other.policy, other.labels) == (VersionPolicy.all_versions(), {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model_config_list { config { nam: 'x' } }", '1:30 : Message type "tensorflow.serving.ModelConfig" has no'),
        ("", "has nothing; list the models in model_config_list"),
        ("model_config_list { config { name: 'm' base_path: '/m' } }",
         "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, "
         "model name is m"),
        ("model_config_list { config { name: 'm' base_path: '/m' model_platform: 'onnx' } }",
         "Model m requests unsupported platform onnx"),
        ("model_config_list { config { name: 'm' base_path: 'm' model_platform: 'tensorflow' } }",
         "Expected model m to have an absolute path or URI; got base_path()=m"),
        ("model_config_list { config { name: 'm' base_path: 'gs://m' model_platform: 'tensorflow' } }",
         "this server reads local folders only"),
        ("model_config_list { config { base_path: '/m' model_platform: 'tensorflow' } }", "set name"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_with_its_name_and_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "models.config"
    path.write_text(text)
    with pytest.raises(ModelConfigFileError) as caught:
        parse_model_config_file(path)
    assert str(caught.value).startswith(f"{path}:")
    assert problem in str(caught.value)


def test_a_missing_file_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(ModelConfigFileError, match="check --model_config_file"):
        parse_model_config_file(tmp_path / "absent")


def test_a_followed_file_is_taken_when_it_changes_and_a_bad_one_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "models.config"
    path.write_text(GOOD)
    follower = ConfigFollower(path, 1e-9)
    assert follower.changed_configs() is None
    path.write_text("nonsense")
    for _ in range(3):
        assert follower.changed_configs() is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "the models stay as they are configured" in caplog.text
    path.write_text(GOOD.replace("click", "clack"))
    configs = follower.changed_configs()
    assert configs is not None
    assert [config.name for config in configs] == ["clack", "other"]
    assert follower.changed_configs() is None
    assert ConfigFollower(path, 0).next_look_s is None
