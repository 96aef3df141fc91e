"""`adclick simulate` as a person meets it."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from adclick.cli import main

TINY = ["--impressions", "400", "--creatives", "6", "--users", "50"]


def simulate(output: Path, *more: str) -> int:
    return main(["simulate", "--output", str(output), *TINY, *more])


def test_the_summary_says_what_and_where_and_what_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path / "s", "--months", "2") == 0
    captured = capsys.readouterr()
    clicks = sum(
        line.endswith(",1")
        for month in (1, 2)
        for line in (tmp_path / "s" / "data" / f"month-{month}" / "impressions.csv").read_text().splitlines()
    )
    assert "Simulated 2 months in " in captured.out
    assert "impressions  400\n" in captured.out
    assert f"clicks       {clicks} (click-through rate {clicks / 400:.2%})\n" in captured.out
    assert "creatives    6\n" in captured.out
    assert "Bayes AUC    0." in captured.out
    assert f"data         {tmp_path / 's' / 'data'}\n" in captured.out
    assert captured.out.endswith(
        f"Next: adclick run --config configs/base.yaml --data-root {tmp_path / 's' / 'data'}\n"
    )
    assert captured.err == ""  # not a terminal: no progress


def test_too_few_impressions_for_an_auc_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--output", str(tmp_path), "--impressions", "1", "--creatives", "1"]) == 0
    assert "Bayes AUC    none (too few impressions" in capsys.readouterr().out


def test_a_directory_in_use_is_refused_until_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path) == 0
    (tmp_path / "notes.txt").write_text("mine")
    capsys.readouterr()
    assert simulate(tmp_path, "--seed", "8") == 2
    assert capsys.readouterr().err == (
        f"adclick simulate: --output {tmp_path}: the directory is not empty "
        "(it holds data, notes.txt, truth); name another one, or pass --force to replace the sample in it\n"
    )
    assert simulate(tmp_path, "--seed", "8", "--force") == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_unwritable_place_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(Path("/proc/nowhere")) == 1
    error = capsys.readouterr().err
    assert error.startswith("adclick simulate: --output /proc/nowhere: ")
    assert error.endswith("free the space or name a writable place\n")


def test_an_interrupted_sample_can_be_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("simulator.simulation.write_creatives", interrupted)
        assert simulate(tmp_path) == 130
    assert capsys.readouterr().err == (
        f"adclick simulate: interrupted; --output {tmp_path} holds part of a sample: --force replaces it\n"
    )
    assert simulate(tmp_path, "--force") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--impressions", "0"], "--impressions: expected a whole number of at least 1, got 0"),
        (["--creatives", "many"], "--creatives: expected a whole number of at least 1, got 'many'"),
        (["--months", "121"], "--months: expected a whole number from 1 to 120, got 121"),
        (["--seed", "-1"], "--seed: expected a whole number of at least 0, got -1"),
    ],
)
def test_bad_numbers_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["simulate", "--output", str(tmp_path), *arguments])
    assert message in capsys.readouterr().err


def test_every_month_needs_a_creative(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path / "s", "--months", "7") == 2
    assert capsys.readouterr().err == (
        "adclick simulate: --creatives 6: each of the 7 months needs at least one; "
        "pass --creatives 7 or more, or fewer --months\n"
    )
    assert not (tmp_path / "s").exists()


def test_help_does_without_numpy_and_pillow() -> None:
    program = (
        "import sys; from adclick.cli import build_parser; build_parser('simulate').format_help(); "
        "print([name for name in ('numpy', 'PIL', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_terminal_sees_progress(tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    command = [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(tmp_path / "s"), *TINY]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer, env=environment) as running:
        os.close(writer)
        seen = read_to_the_end(reader).decode()
        printed, _ = running.communicate()
    assert running.returncode == 0
    assert "creatives" in seen
    assert "100%" in seen
    assert b"\x1b" not in printed


def read_to_the_end(terminal: int) -> bytes:
    """A read gives 4 KiB at most, and a slow machine draws progress more often."""
    parts = []
    with contextlib.suppress(OSError):  # Linux's word for a terminal that nobody writes to any more
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts)
