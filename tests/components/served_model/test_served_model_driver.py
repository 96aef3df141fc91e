"""Which model a candidate is compared with, on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from adclick.errors import AdclickError
from components.pusher.pushing import push
from components.served_model.driver import ServedModelDriver
from components.served_model.executor import ServedModelExecutor


def model(root: Path, name: str) -> standard_artifacts.Model:
    artifact = standard_artifacts.Model()
    artifact.uri = str(root / name)
    saved = Path(path_utils.serving_model_dir(artifact.uri))
    saved.mkdir(parents=True)
    (saved / "saved_model.pb").write_text(f"graph of {name}")
    return artifact


def saved(artifact: standard_artifacts.Model) -> Path:
    return Path(path_utils.serving_model_path(artifact.uri))


def baseline(candidate: standard_artifacts.Model, folder: Path, asked: str = "served_folder") -> int | str:
    properties = {"model_folder": str(folder), "model_name": "adclick", "asked": asked}
    observed = ServedModelDriver(None).observe({"model": [candidate]}, properties)
    assert list(observed) == ["baseline_version"]
    return observed["baseline_version"]


def test_without_a_model_in_service_there_is_none(tmp_path: Path) -> None:
    assert baseline(model(tmp_path, "new"), tmp_path / "serving") == 0


def test_another_model_in_service_is_the_baseline(tmp_path: Path) -> None:
    old, new = model(tmp_path, "old"), model(tmp_path, "new")
    version = push(saved(old), tmp_path / "serving", None, "")
    assert baseline(new, tmp_path / "serving") == version


def test_the_candidate_itself_in_service_keeps_the_comparison_it_had(tmp_path: Path) -> None:
    """Else the next run on the same data would compare the model with itself, and the cache would miss each time."""
    old, new = model(tmp_path, "old"), model(tmp_path, "new")
    first = push(saved(old), tmp_path / "serving", None, "")
    assert baseline(old, tmp_path / "serving") == 0
    push(saved(new), tmp_path / "serving", first, "")
    assert baseline(new, tmp_path / "serving") == first


def test_a_model_placed_by_hand_is_the_baseline(tmp_path: Path) -> None:
    (tmp_path / "serving" / "7").mkdir(parents=True)
    (tmp_path / "serving" / "7" / "saved_model.pb").write_text("by hand")
    assert baseline(model(tmp_path, "new"), tmp_path / "serving") == 7


def test_a_server_that_lags_behind_the_folder_has_its_own_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidate is the newest in the folder; the server still answers with the one before it."""
    old, new = model(tmp_path, "old"), model(tmp_path, "new")
    first = push(saved(old), tmp_path / "serving", None, "")
    second = push(saved(new), tmp_path / "serving", first, "")
    told = {"http://one": first, "http://two": second}
    monkeypatch.setattr("components.served_model.driver.served_version", lambda url, *_: told[url])
    assert baseline(new, tmp_path / "serving", "http://one") == first
    assert baseline(new, tmp_path / "serving", "http://two") == first  # the candidate itself: what it replaced
    assert baseline(model(tmp_path, "third"), tmp_path / "serving", "http://two") == second


def test_a_version_that_a_server_named_and_that_has_gone_is_an_error(tmp_path: Path) -> None:
    properties = {"model_folder": str(tmp_path / "serving"), "asked": "http://one", "baseline_version": 8}
    with pytest.raises(AdclickError, match="version 8, which http://one has in service, has gone"):
        ServedModelExecutor().Do({}, {"baseline": [model(tmp_path, "output")]}, properties)


@pytest.mark.parametrize(("version", "found"), [(0, 0), (7, 7), (8, 0)])
def test_the_executor_copies_the_version_that_was_seen(tmp_path: Path, version: int, found: int) -> None:
    (tmp_path / "serving" / "7").mkdir(parents=True)
    (tmp_path / "serving" / "7" / "saved_model.pb").write_text("by hand")
    output = standard_artifacts.Model()
    output.uri = str(tmp_path / "output")
    properties = {"model_folder": str(tmp_path / "serving"), "asked": "served_folder", "baseline_version": version}
    ServedModelExecutor().Do({}, {"baseline": [output]}, properties)
    assert output.get_int_custom_property("version") == found
    if found:
        assert (saved(output) / "saved_model.pb").read_text() == "by hand"
    else:
        assert not (tmp_path / "output").exists()
