"""AtomicPusher on artifacts as its neighbours leave them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from model_folder import OPERATOR, exported, pushed
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.pusher.executor import AtomicPusherExecutor
from components.pusher.history import read_history
from components.pusher.lifecycle import roll_back
from components.pusher.versions import WARMUP_FILE, WARMUP_NAME, read_record, versions


def artifact(kind: Any, folder: Path, **properties: int) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    made = kind()
    made.uri = str(folder)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return made


def execute(
    root: Path,
    graph: str,
    blessed: int = 1,
    served: int | None = 1,
    force: Mapping[str, str] = MappingProxyType({}),
    **properties: Any,
) -> Any:
    """The PushedModel; `served`: the canary's word, None for no canary. Models go to root/ads."""
    model = artifact(standard_artifacts.Model, root / f"model-{graph}")
    target = Path(path_utils.serving_model_dir(model.uri))
    if not target.exists():
        exported(root, graph).rename(target)
    evaluation = artifact(standard_artifacts.ModelEvaluation, root / "evaluation")
    np.savez(root / "evaluation" / "scores.npz", label=[1.0, 0.0, 1.0, 0.0], candidate=[0.8, 0.4, 0.4, 0.2])
    inputs = {
        "model": [model],
        "model_blessing": [artifact(standard_artifacts.ModelBlessing, root / "blessing", blessed=blessed)],
        "baseline": [artifact(standard_artifacts.Model, root / "baseline", version=41)],
        "evaluation": [evaluation],
    }
    for name, value in force.items():
        inputs["model_blessing"][0].set_string_custom_property(name, value)
    if served is not None:
        canary = artifact(standard_artifacts.InfraBlessing, root / f"canary-{served}", blessed=served)
        (Path(canary.uri) / WARMUP_NAME).write_bytes(b"requests")
        inputs["infra_blessing"] = [canary]
    output = artifact(standard_artifacts.PushedModel, root / "pushed")
    defaults = {"model_folder": str(root / "ads"), "keep_versions": 5, "push_withdrawn": 0}
    AtomicPusherExecutor().Do(inputs, {"pushed_model": [output]}, {**defaults, **properties})
    return output


def test_what_the_canary_left_and_the_metrics_go_with_the_version(tmp_path: Path) -> None:
    output = execute(tmp_path, "a")
    (version,) = versions(tmp_path / "ads")
    assert output.get_string_custom_property("pushed_version") == str(version)
    assert (tmp_path / "ads" / str(version) / WARMUP_FILE).read_bytes() == b"requests"
    record = read_record(tmp_path / "ads", version)
    assert record is not None
    assert record.baseline_version == 41
    assert record.metrics == {
        "auc": 3.5 / 4,  # of four pairs three are in order and one is tied
        "log_loss": pytest.approx(-(np.log(0.8) + np.log(0.6) + np.log(0.4) + np.log(0.8)) / 4),
        "calibration_ratio": pytest.approx(1.8 / 2),
    }
    execute(tmp_path, "a")
    assert versions(tmp_path / "ads") == [version]  # the warm-up requests make no other model of it


def test_why_the_gate_was_overruled_goes_with_the_version(tmp_path: Path) -> None:
    execute(tmp_path, "a")
    execute(tmp_path, "b", force={"force_reason": "a day is missing", "forced_by": "ada at noon"})
    free, forced = (read_record(tmp_path / "ads", version) for version in versions(tmp_path / "ads"))
    assert free is not None
    assert (free.force_reason, free.forced_by) == (None, None)
    assert forced is not None
    assert (forced.force_reason, forced.forced_by) == ("a day is missing", "ada at noon")


def test_a_version_in_service_already_keeps_the_first_reason_that_it_was_forced_for(tmp_path: Path) -> None:
    execute(tmp_path, "a")
    (version,) = versions(tmp_path / "ads")
    before = read_record(tmp_path / "ads", version)
    assert before is not None
    for reason in ("a day is missing", "the same again"):
        output = execute(tmp_path, "a", force={"force_reason": reason, "forced_by": "ada at noon"})
        assert output.get_string_custom_property("pushed_version") == str(version)
    expected = before._replace(force_reason="a day is missing", forced_by="ada at noon")
    assert read_record(tmp_path / "ads", version) == expected
    assert versions(tmp_path / "ads") == [version]
    events = [(event.action, event.version, event.reason) for event in read_history(tmp_path / "ads")]
    assert events[1:] == [("forced", version, "a day is missing")]


@pytest.mark.parametrize(("blessed", "served"), [(0, 1), (1, 0), (0, None)])
def test_what_either_refused_is_not_pushed(tmp_path: Path, blessed: int, served: int | None) -> None:
    output = execute(tmp_path, "a", blessed, served)
    assert output.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "ads").exists()


def test_without_a_canary_there_are_no_warmup_requests(tmp_path: Path) -> None:
    execute(tmp_path, "a", served=None)
    (version,) = versions(tmp_path / "ads")
    assert not (tmp_path / "ads" / str(version) / WARMUP_FILE).exists()


def test_a_withdrawn_model_is_not_pushed_unless_the_run_is_fresh(tmp_path: Path) -> None:
    first, second = pushed(tmp_path, tmp_path / "ads", "a", "b")
    roll_back(tmp_path / "ads", None, OPERATOR)
    output = execute(tmp_path, "b")
    assert output.get_int_custom_property("pushed") == 0
    assert f"version {second}, which was withdrawn by ada" in output.get_string_custom_property("not_pushed")
    assert versions(tmp_path / "ads") == [first]
    fresh = execute(tmp_path, "b", push_withdrawn=1)
    assert versions(tmp_path / "ads") == [first, int(fresh.get_string_custom_property("pushed_version"))]


def test_old_versions_are_removed_and_a_failure_of_that_is_no_failure_of_the_push(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = pushed(tmp_path, tmp_path / "ads", "a", "b", "c")
    output = execute(tmp_path, "d", keep_versions=2)
    assert output.get_string_custom_property("removed_versions") == f"{first},{second}"
    assert f"removed old version {first} (push.keep_versions)" in capsys.readouterr().out
    (tmp_path / "ads" / "labels.json").write_text("not JSON")
    output = execute(tmp_path, "e", keep_versions=2)
    assert output.get_int_custom_property("pushed") == 1
    assert versions(tmp_path / "ads")[0] == third
    assert "old versions stay in" in capsys.readouterr().out
