"""Pushes, rollbacks, promotions and labels under a running model server: its answers follow."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click_model import probability
from server_process import ServerProcess

from adclick import cli
from adclick.errors import AdclickError
from components.pusher.pushing import push
from components.pusher.versions import in_service, versions
from components.served_model.status import served_version

ROW = {
    "bid": [0.25],
    "hour": [9],
    "image_path": [""],
    "image_path_bytes": [""],
    "site": ["news"],
}
FOLLOWS_WITHIN_S = 30.0


@pytest.fixture
def base_path(exported: Path, tmp_path: Path) -> Path:
    """One pushed version; its model is that of `exported/1`."""
    push(exported / "1", tmp_path / "click", None, "run-1")
    return tmp_path / "click"


@pytest.fixture
def follower(base_path: Path) -> Iterator[ServerProcess]:
    """A server that follows the folder."""
    process = ServerProcess(base_path)
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        process.stop()


def models(base_path: Path, *words: str) -> int:
    return cli.main(["models", *words, "--model-folder", str(base_path)])


def answers(server: ServerProcess, version: int, model: int) -> None:
    """Waits until `version` answers, with no error meanwhile, and holds its answer against that of `model`."""
    deadline = time.monotonic() + FOLLOWS_WITHIN_S
    body = {"signature_name": "predict", "inputs": ROW}
    while True:
        status, reply, headers = server.rest("POST", "/v1/models/click:predict", body)
        assert status == 200, reply
        if headers["adclick-model-version"] == str(version):
            break
        assert time.monotonic() < deadline, f"version {headers['adclick-model-version']} answers, not {version}"
        time.sleep(0.05)
    assert reply["outputs"] == pytest.approx([probability(model, bid=0.25, site="news", hour=9)], abs=1e-6)


def test_answers_follow_what_operators_do(
    exported: Path, base_path: Path, follower: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    first = versions(base_path)[0]
    answers(follower, first, 1)
    second = push(exported / "2", base_path, first, "run-2")
    answers(follower, second, 2)

    assert models(base_path, "rollback", "--reason", "clicks fell", "--who", "ada") == 0
    answers(follower, first, 1)
    assert models(base_path, "promote", str(second), "--reason", "it was the tracking") == 0
    answers(follower, second, 2)

    assert models(base_path, "promote", str(first), "--reason", "cheaper") == 0
    copied = in_service(base_path)
    assert copied is not None
    assert copied > second
    answers(follower, copied, 1)

    assert models(base_path, "label", "canary", str(second)) == 0
    assert json.loads((base_path / "labels.json").read_text()) == {"canary": second}
    answers(follower, copied, 1)  # a label changes nothing for those who do not name it

    for url in (f"http://127.0.0.1:{follower.rest_port}", f"grpc://127.0.0.1:{follower.grpc_port}"):
        assert served_version(url, "click", str(base_path)) == copied
        with pytest.raises(AdclickError, match=f"{url}: has no version of model 'other' in service"):
            served_version(url, "other", str(base_path))

    capsys.readouterr()
    assert models(base_path, "list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["version"], one["state"], one["labels"]) for one in found] == [
        (copied, "in service", []), (second, "available", ["canary"]), (first, "available", [])
    ]  # fmt: skip
