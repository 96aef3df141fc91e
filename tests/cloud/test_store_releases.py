"""Rollback, promotion, labels and retention in a store, which cannot rename."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from store_servers import Store

from adclick import cli, folder_copies
from adclick.errors import AdclickError
from adclick.filesystem import exists, list_names, read_bytes, write_bytes
from components.pusher.history import read_history
from components.pusher.labels import read_labels
from components.pusher.lifecycle import Operator, promote, roll_back, set_label
from components.pusher.locking import EXPIRES_S, LOCK_FILE, exclusive
from components.pusher.pushing import WithdrawnModelError, push
from components.pusher.retention import remove_old_versions
from components.pusher.versions import RECORD_FILE, WARMUP_FILE, read_record, versions, withdrawn_versions

ADA = Operator("ada", "clicks fell")


def exported(root: Path, graph: str) -> Path:
    model = root / f"exported-{graph}"
    (model / "variables").mkdir(parents=True, exist_ok=True)
    (model / "assets").mkdir(exist_ok=True)  # empty, as TensorFlow leaves it without a vocabulary
    (model / "saved_model.pb").write_text(graph)
    (model / "variables" / "variables.index").write_text("weights")
    return model


def pushed(root: Path, folder: str, *graphs: str) -> list[int]:
    found: list[int] = []
    for graph in graphs:
        found.append(push(exported(root, graph), folder, found[-1] if found else None, f"run-{graph}", warmup=b"warm"))
    return found


def graph(folder: str, name: object) -> bytes:
    return read_bytes(f"{folder}/{name}/saved_model.pb")


def test_versions_are_withdrawn_promoted_labelled_and_removed(store: Store, tmp_path: Path) -> None:
    folder = store.uri("serving/ads")
    first, second, third = pushed(tmp_path, folder, "a", "b", "c")
    assert read_bytes(f"{folder}/{third}/{WARMUP_FILE}") == b"warm"
    assert roll_back(folder, first, ADA).withdrawn == [second, third]
    assert (versions(folder), withdrawn_versions(folder)) == ([first], [second, third])
    assert list_names(f"{folder}/{third}") == []
    assert read_bytes(f"{folder}/withdrawn-{third}/{WARMUP_FILE}") == b"warm"
    with pytest.raises(WithdrawnModelError, match=f"version {third}, which was withdrawn by ada"):
        push(exported(tmp_path, "c"), folder, first, "run-again")
    assert promote(folder, third, ADA) == third
    number = promote(folder, second, ADA)
    assert (number > third, graph(folder, number)) == (True, b"b")
    assert (versions(folder), withdrawn_versions(folder)) == ([first, third, number], [])
    copy = promote(folder, first, ADA)
    assert (graph(folder, copy), graph(folder, first)) == (b"a", b"a")
    record = read_record(folder, copy)
    assert record is not None
    assert (record.promoted_from, record.run_id) == (first, "run-a")
    assert set_label(folder, "canary", first, ADA) == {"canary": first} == read_labels(folder)
    newest = push(exported(tmp_path, "d"), folder, copy, "run-d")
    assert remove_old_versions(folder, 2) == [third, number]
    assert versions(folder) == [first, copy, newest]  # labelled, before, in service
    assert [name for name in list_names(folder) if name in (str(third), str(number), LOCK_FILE)] == []
    assert [event.action for event in read_history(folder)] == [
        "pushed", "pushed", "pushed", "withdrawn", "withdrawn", "restored", "promoted", "promoted", "labelled",
        "pushed", "removed", "removed",
    ]  # fmt: skip


def test_the_graph_goes_first_and_a_broken_withdrawal_can_be_repeated(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.uri("serving/ads")
    first, second = pushed(tmp_path, folder, "a", "b")
    locate = folder_copies.locate
    removed: list[str] = []

    class Failing:
        def __init__(self, files: Any) -> None:
            self._files = files

        def __getattr__(self, name: str) -> Any:
            return getattr(self._files, name)

        def rm_file(self, path: str) -> None:
            if removed:
                raise OSError("the network is gone")
            removed.append(path)
            self._files.rm_file(path)

    monkeypatch.setattr(folder_copies, "locate", lambda uri: locate(uri)._replace(files=Failing(locate(uri).files)))
    with pytest.raises(OSError, match="the network is gone"):
        roll_back(folder, None, ADA)
    monkeypatch.undo()
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    assert removed[0].endswith(f"{second}/saved_model.pb")
    assert (versions(folder), withdrawn_versions(folder)) == ([first], [second])
    assert graph(folder, f"withdrawn-{second}") == b"b"
    assert not exists(f"{folder}/{LOCK_FILE}")


def test_the_lock_is_waited_for_and_an_old_one_is_taken_over(store: Store) -> None:
    folder = store.uri("serving/ads")
    with exclusive(folder):
        assert json.loads(read_bytes(f"{folder}/{LOCK_FILE}"))["pid"] > 0
        told = rf"process \d+ on .* or remove {folder}/\.lock if"
        with pytest.raises(AdclickError, match=told), exclusive(folder, wait_s=0.1):
            pass
    assert not exists(f"{folder}/{LOCK_FILE}")
    old = {"host": "gone", "pid": 1, "at_s": time.time() - EXPIRES_S - 1}
    write_bytes(f"{folder}/{LOCK_FILE}", json.dumps(old).encode())
    with exclusive(folder, wait_s=0.1):
        assert json.loads(read_bytes(f"{folder}/{LOCK_FILE}"))["host"] != "gone"


def test_the_command_works_on_a_uri(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store.uri("serving/ads")
    first, second = pushed(tmp_path, folder, "a", "b")
    assert cli.main(["models", "rollback", "--model-folder", folder, "--reason", "x"]) == 0
    capsys.readouterr()
    assert cli.main(["models", "list", "--model-folder", f"{folder}/", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["version"], one["state"]) for one in found] == [(second, "withdrawn"), (first, "in service")]
    assert found[0]["size_bytes"] == sum(
        len(read_bytes(f"{folder}/withdrawn-{second}/{name}"))
        for name in ("saved_model.pb", "variables/variables.index", RECORD_FILE, WARMUP_FILE)
    )
    assert cli.main(["models", "list", "--model-folder", store.uri("serving/none")]) == 2
    assert "no such folder" in capsys.readouterr().err
