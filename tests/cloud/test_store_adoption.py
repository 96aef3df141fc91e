"""A blessed version of staging's store becomes production's newest, once, and never against an operator's rollback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from store_servers import Store

from adclick import cli
from adclick.errors import AdclickError, SettingsError
from adclick.filesystem import read_bytes, remove_file, write_bytes
from components.pusher.adoption import adopt
from components.pusher.history import read_history
from components.pusher.lifecycle import Operator, roll_back
from components.pusher.pushing import WithdrawnModelError, push
from components.pusher.versions import RECORD_FILE, WARMUP_FILE, model_digest, read_record, versions

CD = Operator("release", "blessed in staging")


def pushed(root: Path, folder: str, graph: str) -> int:
    model = root / f"exported-{graph}"
    (model / "variables").mkdir(parents=True, exist_ok=True)
    (model / "saved_model.pb").write_text(graph)
    (model / "variables" / "variables.index").write_text("weights")
    return push(model, folder, None, f"run-{graph}", metrics={"auc": 0.75}, warmup=b"warm")


def test_a_version_is_adopted_once_with_its_record_and_warm_up(store: Store, tmp_path: Path) -> None:
    staging, production = store.uri("staging/ads"), store.uri("production/ads")
    pushed(tmp_path, staging, "a")
    version = pushed(tmp_path, staging, "b")
    number = adopt(production, staging, None, CD)
    assert versions(production) == [number]
    assert model_digest(f"{production}/{number}") == model_digest(tmp_path / "exported-b")
    assert read_bytes(f"{production}/{number}/{WARMUP_FILE}") == b"warm"
    record = read_record(production, number)
    assert record is not None
    assert (record.run_id, record.metrics, record.baseline_version) == ("run-b", {"auc": 0.75}, None)
    (event,) = read_history(production)
    assert (event.action, event.version, event.who) == ("adopted", number, "release")
    assert event.detail == f"copy of {staging}/{version}"
    assert adopt(production, staging, version, CD) == number
    assert versions(production) == [number]


def test_a_rollback_is_not_undone(store: Store, tmp_path: Path) -> None:
    staging, production = store.uri("staging/ads"), store.uri("production/ads")
    first = pushed(tmp_path, staging, "a")
    here = adopt(production, staging, first, CD)
    second = pushed(tmp_path, staging, "b")
    adopt(production, staging, second, CD)
    roll_back(production, here, Operator("ada", "clicks fell"))
    with pytest.raises(WithdrawnModelError, match="withdrawn by ada"):
        adopt(production, staging, second, CD)
    assert versions(production) == [here]


def test_what_no_gate_has_judged_or_somebody_changed_is_refused(store: Store, tmp_path: Path) -> None:
    staging, production = store.uri("staging/ads"), store.uri("production/ads")
    with pytest.raises(SettingsError, match="no version to adopt; there is none"):
        adopt(production, staging, None, CD)
    version = pushed(tmp_path, staging, "a")
    with pytest.raises(SettingsError, match=f"no version 7; the versions are {version}"):
        adopt(production, staging, 7, CD)
    write_bytes(f"{staging}/{version}/variables/variables.index", b"altered")
    with pytest.raises(AdclickError, match="not those that were pushed"):
        adopt(production, staging, version, CD)
    remove_file(f"{staging}/{version}/{RECORD_FILE}")
    with pytest.raises(AdclickError, match="no gate has judged it"):
        adopt(production, staging, version, CD)
    assert versions(production) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    staging, production = str(tmp_path / "staging"), str(tmp_path / "production" / "ads")
    pushed(tmp_path, staging, "a")
    command = ["models", "adopt", "--from", staging, "--model-folder", production, "--reason", "release 1", "--json"]
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out) == {"in_service": versions(production)[-1]}
