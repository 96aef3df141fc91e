"""`python -m serving.replica` as a container runs it: a look, a liveness probe, and an end at SIGTERM."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.pusher.versions import versions
from serving.replica.heartbeat import mark_look, seconds_since_look
from serving.replica.replica_command import main

REPOSITORY = Path(__file__).resolve().parents[3]


def add_version(folder: Path, number: int) -> None:
    """A version of another hand, without a record; whole at once, as a rename makes it."""
    unfinished = folder.parent / f"unfinished-{number}"
    unfinished.mkdir(parents=True)
    (unfinished / "saved_model.pb").write_text(f"graph {number}")
    folder.mkdir(exist_ok=True)
    unfinished.rename(folder / str(number))


def test_once_fails_until_there_is_a_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    arguments = ["--source", str(source), "--target", str(target), "--once"]
    assert main(arguments) == 1
    assert "no version" in capsys.readouterr().err
    add_version(source, 3)
    assert main(arguments) == 0
    assert (target / "3" / "saved_model.pb").read_text() == "graph 3"


def test_check_asks_for_a_recent_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = ["--target", str(tmp_path), "--check", "60"]
    assert main(check) == 1
    assert "no look" in capsys.readouterr().err
    mark_look(tmp_path, time.time())
    assert main(check) == 0
    mark_look(tmp_path, time.time() - 61)
    assert main(check) == 1
    assert seconds_since_look(tmp_path, time.time()) == pytest.approx(61, abs=2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--source is missing"),
        (["--source", "s3://b/m", "--keep", "0"], "'0' is no number from 1"),
        (["--source", "s3://b/m", "--interval-s", "nan"], "'nan' is no number of seconds"),
    ],
)
def test_flags_that_will_not_do(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--target", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_it_follows_until_sigterm(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    add_version(source, 1)
    command = [sys.executable, "-m", "serving.replica", "--source", str(source), "--target", str(target)]
    process = subprocess.Popen([*command, "--keep", "1", "--interval-s", "0.05"], cwd=REPOSITORY)
    try:
        for number in (1, 2):
            add_version(source, number) if number > 1 else None
            deadline = time.monotonic() + 30
            while versions(target) != [number]:
                assert time.monotonic() < deadline, versions(target)
                assert process.poll() is None
                time.sleep(0.02)
    finally:
        process.terminate()
        status = process.wait(20)
    assert status == 0
