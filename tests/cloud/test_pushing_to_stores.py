"""A version in a store: numbers, record, the order in which it arrives, and who may see it meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from store_servers import Store
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from adclick import filesystem, folder_copies
from adclick.errors import SettingsError
from adclick.filesystem import EMPTY_FOLDER, list_names, read_bytes, write_bytes
from components.pusher import pushing
from components.pusher.pushing import push
from components.pusher.versions import RECORD_FILE, in_service, model_digest, read_record, versions
from components.served_model.driver import ServedModelDriver
from components.served_model.executor import ServedModelExecutor
from configs.evaluation import SERVED_FOLDER


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """As TFX lays out a model artifact."""
    model = Path(path_utils.serving_model_dir(str(tmp_path / "exported")))
    (model / "variables").mkdir(parents=True)
    (model / "assets").mkdir()  # TensorFlow leaves it empty where there is no vocabulary
    (model / "saved_model.pb").write_bytes(b"graph")
    (model / "variables" / "variables.index").write_bytes(b"weights")
    return model


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names in the order in which the store has them whole."""
    found: list[str] = []
    locate = filesystem.locate

    class Noting:
        def __init__(self, files: object) -> None:
            self._files = files

        def __getattr__(self, name: str) -> object:
            return getattr(self._files, name)

        def put_file(self, source: str, target: str) -> None:
            self._files.put_file(source, target)
            found.append(target.rpartition("/")[2])

        def pipe_file(self, target: str, content: bytes, **options: object) -> None:
            self._files.pipe_file(target, content, **options)
            found.append(target.rpartition("/")[2])

    for module in (filesystem, folder_copies):
        monkeypatch.setattr(module, "locate", lambda uri: locate(uri)._replace(files=Noting(locate(uri).files)))
    return found


def test_the_record_claims_the_number_and_the_graph_comes_last(
    store: Store, exported: Path, written: list[str]
) -> None:
    folder = store.uri("serving/ads")
    before = int(time.time())
    version = push(exported, folder, 41, "run-1")
    assert before <= version <= int(time.time())
    *model, entry = written
    assert model == ["adclick.json", "variables.index", EMPTY_FOLDER, "saved_model.pb"]
    assert list_names(f"{folder}/history") == [entry]
    record = read_record(folder, version)
    assert record is not None
    assert (record.baseline_version, record.run_id) == (41, "run-1")
    assert record.model_digest == model_digest(exported) == model_digest(f"{folder}/{version}")
    assert versions(folder) == [version]
    assert push(exported, folder, None, "run-2") == version


def test_each_version_is_greater_than_every_other_half_copied_ones_included(store: Store, exported: Path) -> None:
    folder = store.uri("serving/ads")
    assert versions(folder) == []
    assert in_service(folder) is None
    half = int(time.time()) + 1_000_000
    write_bytes(f"{folder}/{half}/variables/variables.index", b"")
    write_bytes(f"{folder}/README/saved_model.pb", b"")
    assert in_service(folder) is None
    first = push(exported, folder, None, "")
    (exported / "saved_model.pb").write_bytes(b"another graph")
    second = push(exported, folder, first, "")
    assert (first, second) == (half + 1, half + 2)
    assert versions(folder) == [first, second]
    assert list_names(f"{folder}/{half}") == ["variables"]


def test_a_number_that_another_push_takes_meanwhile_is_passed(
    store: Store, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, create = store.uri("serving/ads"), pushing.create_bytes
    taken: list[str] = []

    def race(uri: str, content: bytes) -> bool:
        if not taken:
            taken.append(uri)
            write_bytes(uri, b"the other push")
        return create(uri, content)

    monkeypatch.setattr(pushing, "create_bytes", race)
    version = push(exported, folder, None, "")
    assert taken[0] < f"{folder}/{version}/{RECORD_FILE}"
    assert read_bytes(taken[0]) == b"the other push"


def test_a_copy_that_fails_leaves_nothing_behind(store: Store, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store.uri("serving/ads")
    upload = pushing.upload_folder

    def half(*arguments: object, **options: object) -> None:
        upload(*arguments, **options)
        raise SettingsError("access denied")

    monkeypatch.setattr(pushing, "upload_folder", half)
    with pytest.raises(SettingsError, match="access denied"):
        push(exported, folder, None, "")
    assert list_names(folder) == []


def test_the_model_in_service_is_read_from_the_store(store: Store, exported: Path, tmp_path: Path) -> None:
    folder = store.uri("serving/ads")
    candidate = standard_artifacts.Model()
    candidate.uri = str(tmp_path / "exported")

    def baseline() -> int | str:
        return ServedModelDriver(None).observe(
            {"model": [candidate]}, {"model_folder": folder, "asked": SERVED_FOLDER}
        )["baseline_version"]

    assert baseline() == 0
    write_bytes(f"{folder}/7/saved_model.pb", b"by hand")
    write_bytes(f"{folder}/7/variables/variables.index", b"")
    assert baseline() == 7
    push(exported, folder, 7, "")
    assert baseline() == 7  # the candidate itself is in service: what it was compared with then
    output = standard_artifacts.Model()
    output.uri = str(tmp_path / "baseline")
    ServedModelExecutor().Do({}, {"baseline": [output]}, {"model_folder": folder, "baseline_version": 7})
    assert output.get_int_custom_property("version") == 7
    saved = Path(path_utils.serving_model_path(output.uri))
    assert (saved / "saved_model.pb").read_bytes() == b"by hand"
    assert (saved / "variables" / "variables.index").is_file()
