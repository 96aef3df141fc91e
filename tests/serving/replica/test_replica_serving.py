"""A server that watches a replica follows what happens in the store's folder: a push and a rollback."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from server_process import REPOSITORY, ServerProcess

from components.pusher.lifecycle import Operator, roll_back
from components.pusher.pushing import push


def wait_for_version(server: ServerProcess, version: int) -> None:
    """Until the newest version that is in service is `version`."""
    deadline = time.monotonic() + 60
    while True:
        _, body, _ = server.rest("GET", "/v1/models/click")
        available = [int(one["version"]) for one in body["model_version_status"] if one["state"] == "AVAILABLE"]
        assert available, body  # something answers at all times
        if max(available) == version:
            return
        assert time.monotonic() < deadline, body
        time.sleep(0.05)


def test_pushes_and_rollbacks_reach_a_server_without_a_pause(exported: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "store" / "click", tmp_path / "models" / "click"
    first = push(exported / "1", source, None, "run-1")
    replica = [sys.executable, "-m", "serving.replica", "--source", str(source), "--target", str(target)]
    subprocess.run([*replica, "--once"], cwd=REPOSITORY, check=True)
    following = subprocess.Popen([*replica, "--interval-s", "0.1"], cwd=REPOSITORY)
    server = ServerProcess(target)
    try:
        server.wait_for_line("ready")
        wait_for_version(server, first)
        second = push(exported / "2", source, first, "run-2")
        wait_for_version(server, second)
        # What the probes of deploy/kubernetes ask: answered while a version is in service.
        assert server.rest("GET", "/v1/models/click/metadata")[0] == 200
        roll_back(source, first, Operator("ada", "clicks fell"))
        wait_for_version(server, first)
    finally:
        following.terminate()
        server.stop()
        assert following.wait(20) == 0
