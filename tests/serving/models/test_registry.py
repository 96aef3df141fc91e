"""Model management on real SavedModels, one look at the folders at a time."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click_model import MISSING_INT64, probability

from serving.models.loader import LoadedModel, load_saved_model
from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig, VersionPolicy
from serving.models.registry import Models
from serving.models.version_status import State
from serving.request_error import Code, RequestError


class Watched:
    """Models whose looks the test triggers, loaded by the look itself, and what they announced."""

    def __init__(self, base_path: Path, policy: VersionPolicy = VersionPolicy(), **options: object) -> None:  # noqa: B008 (frozen)
        self.base_path = base_path
        base_path.mkdir(exist_ok=True)
        self.said: list[str] = []
        self.loads: list[str] = []
        self.models = Models(
            [ModelConfig("click", base_path, policy)],
            ManagerOptions(num_load_threads=0, **options),  # type: ignore[arg-type]  # passed on as given
            self.load,
            lambda name, change: self.said.append(f"{name}: {change}"),
        )

    def load(self, folder: Path) -> LoadedModel:
        self.loads.append(folder.name)
        return load_saved_model(folder)

    def poll(self) -> list[int]:
        self.models.poll()
        return self.models.in_service()["click"]

    def status(self, version: int) -> tuple[State, Code, str]:
        (status,) = self.models.statuses("click", version)
        return status.state, status.error_code, status.error_message

    def wait_for(self, version: int, state: State) -> None:
        deadline = time.monotonic() + 5
        while self.status(version)[0] is not state:
            assert time.monotonic() < deadline, self.status(version)
            time.sleep(0.01)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "click")


def ask(models: Models) -> float:
    inputs = {
        "bid": np.float32([0]), "hour": np.int64([MISSING_INT64]),
        **{name: np.array([b""], dtype=object) for name in ("image_path", "image_path_bytes", "site")},
    }  # fmt: skip
    with models.acquire("click") as servable:
        outputs = servable.model.run(servable.model.signatures["predict"], inputs)
    return float(outputs["click_probability"][0])


def test_the_newest_version_replaces_the_old_one_which_is_then_unloaded(watched: Watched, exported: Path) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    (watched.base_path / "notes").mkdir()
    assert watched.poll() == [1]
    shutil.copytree(exported / "2", watched.base_path / "2")
    assert watched.poll() == [2]
    assert ask(watched.models) == pytest.approx(probability(2, 0.0), abs=1e-6)
    watched.wait_for(1, State.END)
    assert watched.status(1) == (State.END, Code.OK, "")
    assert watched.said[0].startswith("click: version 1 in service (loaded in ")
    assert watched.said[1].endswith(" s), in place of version 1")
    assert watched.said[2] == "click: version 1 unloaded"
    assert watched.poll() == [2]
    assert watched.loads == ["1", "2"]


def test_an_old_version_is_unloaded_only_after_its_last_request(watched: Watched, exported: Path) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    watched.poll()
    with watched.models.acquire("click") as held:
        shutil.copytree(exported / "2", watched.base_path / "2")
        assert watched.poll() == [2]
        time.sleep(0.2)
        assert watched.status(1)[0] is State.UNLOADING
        with pytest.raises(RequestError, match=r"Servable not found for request: Specific\(click, 1\)"):
            watched.models.acquire("click", 1).__enter__()
        assert held.model.signatures["predict"].call is not None  # still whole
    watched.wait_for(1, State.END)


def test_a_copy_under_way_is_taken_when_complete_and_never_displaces(
    watched: Watched, exported: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    assert watched.poll() == [1]
    target, source = watched.base_path / "2", exported / "2"
    target.mkdir()
    assert watched.poll() == [1]
    assert watched.status(2) == (State.END, Code.UNAVAILABLE, "Not complete yet: saved_model.pb is missing")
    shutil.copy(source / "saved_model.pb", target)
    assert watched.poll() == [1]
    # only loading tells that variables belong to it
    assert watched.status(2)[2] == "Not complete yet: variables/variables.index is missing"
    (target / "variables").mkdir()
    shutil.copy(source / "variables/variables.index", target / "variables")
    assert watched.poll() == [1]
    assert watched.status(2)[2] == "Not complete yet: variables/ is incomplete: variables.data-… is missing"
    shard = "variables/variables.data-00000-of-00001"
    (target / shard).write_bytes((source / shard).read_bytes()[:50])
    assert watched.poll() == [1]
    assert watched.status(2)[:2] == (State.END, Code.OUT_OF_RANGE)
    shutil.copy(source / shard, target / shard)
    assert watched.poll() == [2]
    assert watched.status(2) == (State.AVAILABLE, Code.OK, "")
    reasons = [record.getMessage() for record in caplog.records if "cannot be loaded" in record.getMessage()]
    assert len(reasons) == 4
    assert all("version 1 stays in service" in reason for reason in reasons)


def test_a_corrupt_version_is_not_tried_at_each_look(
    watched: Watched, exported: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    watched.poll()
    shutil.copytree(exported / "2", watched.base_path / "2")
    (watched.base_path / "2/saved_model.pb").write_bytes(b"no proto")
    for _ in range(5):
        assert watched.poll() == [1]
    assert watched.loads == ["1", "2"]  # the files did not change, and the first wait is a second
    state, code, reason = watched.status(2)
    assert (state, code) == (State.END, Code.DATA_LOSS)
    assert "as binary proto" in reason
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "Version 2 of" in warning.getMessage()
    assert "next try when its files change, or in 1 s" in warning.getMessage()


def test_a_server_starts_with_the_newest_version_that_loads(watched: Watched, exported: Path) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    shutil.copytree(exported / "2", watched.base_path / "2")
    (watched.base_path / "2/saved_model.pb").write_bytes(b"no proto")
    assert watched.poll() == [1]
    assert watched.poll() == [1]


def test_deleting_the_newest_rolls_back_once_the_older_one_is_loaded(watched: Watched, exported: Path) -> None:
    for version in ("1", "2"):
        shutil.copytree(exported / version, watched.base_path / version)
    assert watched.poll() == [2]
    (watched.base_path / "1/saved_model.pb").rename(watched.base_path / "1/hidden")
    shutil.rmtree(watched.base_path / "2")
    assert watched.poll() == [2]  # 1 cannot be loaded: 2 stays, though its files are gone
    assert ask(watched.models) == pytest.approx(probability(2, 0.0), abs=1e-6)
    (watched.base_path / "1/hidden").rename(watched.base_path / "1/saved_model.pb")
    assert watched.poll() == [1]
    assert ask(watched.models) == pytest.approx(probability(1, 0.0), abs=1e-6)


def test_a_missing_or_empty_base_path_keeps_serving(
    watched: Watched, exported: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(exported / "1", watched.base_path / "1")
    watched.poll()
    shutil.rmtree(watched.base_path)
    assert watched.poll() == [1]
    assert f"Base path {watched.base_path} does not exist; version 1 stays in service" in caplog.text
    watched.base_path.mkdir()
    assert watched.poll() == [1]
    assert "No version (a folder named by a number, such as '1') under" in caplog.text


def test_a_broken_version_that_is_deleted_is_forgotten(watched: Watched) -> None:
    (watched.base_path / "7").mkdir()
    assert watched.poll() == []
    (watched.base_path / "7").rmdir()
    (watched.base_path / "8").mkdir()
    watched.poll()
    assert watched.status(7) == (State.END, Code.NOT_FOUND, "Deleted before it could be loaded")


def test_files_that_change_while_being_loaded_are_loaded_again(watched: Watched, exported: Path) -> None:
    target = watched.base_path / "1"
    shutil.copytree(exported / "1", target)
    load = watched.load

    def load_during_copy(folder: Path) -> LoadedModel:
        if len(watched.loads) == 0:
            (target / "late").write_text("x")
        return load(folder)

    watched.models = Models(
        [ModelConfig("click", watched.base_path)], ManagerOptions(num_load_threads=0), load_during_copy
    )
    assert watched.poll() == []
    assert watched.status(1) == (State.END, Code.UNAVAILABLE, "Files changed while it was being loaded")
    assert watched.poll() == [1]


def copy_versions(exported: Path, base_path: Path, *versions: int) -> Path:
    for version in versions:
        shutil.copytree(exported / str(version), base_path / str(version))
    return base_path


def test_policies_serve_the_latest_two_all_or_specific_versions(exported: Path, tmp_path: Path) -> None:
    base_path = copy_versions(exported, tmp_path, 1, 2, 3)
    assert Watched(base_path, VersionPolicy(latest=2)).poll() == [2, 3]
    assert Watched(base_path, VersionPolicy.all_versions()).poll() == [1, 2, 3]
    specific = Watched(base_path, VersionPolicy.only([1, 9]))
    assert specific.poll() == [1]
    with specific.models.acquire("click", 1) as servable:
        assert (servable.version, servable.model_name) == (1, "click")


def test_latest_two_lets_go_only_when_the_third_is_there(exported: Path, tmp_path: Path) -> None:
    watched = Watched(copy_versions(exported, tmp_path, 1, 2), VersionPolicy(latest=2))
    assert watched.poll() == [1, 2]
    copy_versions(exported, tmp_path, 3)
    (tmp_path / "3/saved_model.pb").rename(tmp_path / "3/hidden")
    assert watched.poll() == [1, 2]
    (tmp_path / "3/hidden").rename(tmp_path / "3/saved_model.pb")
    assert watched.poll() == [2, 3]
    watched.wait_for(1, State.END)
    assert [status.version for status in watched.models.statuses("click")] == [3, 2, 1]  # newest first


def test_a_replaced_version_of_the_same_number_is_ignored(watched: Watched, exported: Path) -> None:
    copy_versions(exported, watched.base_path, 1)
    watched.poll()
    shutil.rmtree(watched.base_path / "1")
    shutil.copytree(exported / "2", watched.base_path / "1")
    assert watched.poll() == [1]
    assert ask(watched.models) == pytest.approx(probability(1, 0.0), abs=1e-6)
    assert watched.loads == ["1"]


def test_what_cannot_be_found_is_told_in_the_originals_words(watched: Watched, exported: Path) -> None:
    copy_versions(exported, watched.base_path, 1)
    watched.poll()
    for arguments, message in [
        (("",), "INVALID_ARGUMENT: ModelSpec has no name specified."),
        (("other",), "NOT_FOUND: Servable not found for request: Latest(other)"),
        (("click", 9), "NOT_FOUND: Servable not found for request: Specific(click, 9)"),
        (("click", None, "canary"), "INVALID_ARGUMENT: Unrecognized servable version label: canary"),
    ]:
        with pytest.raises(RequestError) as caught, watched.models.acquire(*arguments):
            pass
        assert str(caught.value) == message
    for arguments, message in [
        (("other",), "NOT_FOUND: Could not find any versions of model other"),
        (("click", 9), "NOT_FOUND: Could not find version 9 of model click"),
        (("click", None, "canary"), "INVALID_ARGUMENT: Unrecognized servable version label: canary"),
    ]:
        with pytest.raises(RequestError) as caught:
            watched.models.statuses(*arguments)
        assert str(caught.value) == message


def test_a_labels_file_moves_labels_to_versions_in_service_only(exported: Path, tmp_path: Path) -> None:
    watched = Watched(copy_versions(exported, tmp_path, 1, 2), VersionPolicy.all_versions())
    labels = tmp_path / "labels.json"
    labels.write_text('{"stable": 1, "canary": 3}')
    watched.poll()
    assert watched.models.labels("click") == {"stable": 1}
    with watched.models.acquire("click", label="stable") as servable:
        assert servable.version == 1
    labels.write_text('{"stable": 3}')
    watched.poll()
    assert watched.models.labels("click") == {"stable": 1}  # until 3 is there
    copy_versions(exported, tmp_path, 3)
    watched.poll()
    watched.poll()
    assert watched.models.labels("click") == {"stable": 3}
    labels.write_text('{"stable": "x"}')
    watched.poll()
    assert watched.models.labels("click") == {"stable": 3}
    labels.unlink()
    watched.poll()
    assert watched.models.labels("click") == {}


def test_labels_of_the_config_win_over_the_file(exported: Path, tmp_path: Path) -> None:
    copy_versions(exported, tmp_path, 1, 2)
    (tmp_path / "labels.json").write_text('{"stable": 1, "old": 1}')
    config = ModelConfig("click", tmp_path, VersionPolicy.all_versions(), {"stable": 2})
    models = Models([config], ManagerOptions(num_load_threads=0))
    models.poll()
    models.poll()
    assert models.labels("click") == {"stable": 2, "old": 1}


def test_a_broken_model_does_not_keep_another_from_being_served(exported: Path, tmp_path: Path) -> None:
    configs = [ModelConfig("click", exported), ModelConfig("absent", tmp_path / "absent")]
    models = Models(configs, ManagerOptions(num_load_threads=0))
    assert not models.wait_until_available(0)
    models.poll()
    assert models.wait_until_available(0)
    assert models.in_service() == {"click": [3], "absent": []}
