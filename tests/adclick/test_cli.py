"""The command as a user meets it: quick, and each verb found."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from types import ModuleType

import pytest

from adclick import cli

HEAVY = ("tensorflow", "apache_beam", "tfx", "numpy", "pandas", "pyarrow", "PIL")
REPORT = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"


@pytest.mark.alone
def test_help_answers_within_a_second_and_imports_nothing_heavy() -> None:
    code = f"""
from adclick.cli import main
try:
    main(["--help"])
finally:
    {REPORT}
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    seconds = time.monotonic() - started
    assert done.returncode == 0
    assert done.stderr.strip() == ""
    for verb, (_, summary) in cli.VERBS.items():
        assert verb in done.stdout
        assert summary.split(",")[0] in " ".join(done.stdout.split())
    assert seconds < 1.0


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_of_each_verb_imports_neither_tensorflow_nor_beam(verb: str) -> None:
    code = f"""
from adclick.cli import main
try:
    main([{verb!r}, "--help"])
finally:
    {REPORT}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert not {"tensorflow", "apache_beam", "tfx"} & set(done.stderr.split())
    assert f"usage: adclick {verb}" in done.stdout


def test_a_verb_gets_its_own_arguments_and_its_status_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_verb")
    seen: list[argparse.Namespace] = []

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--depth", type=int)

    def run(args: argparse.Namespace) -> int:
        seen.append(args)
        return 4

    module.__dict__.update(add_arguments=add_arguments, run=run)
    monkeypatch.setitem(sys.modules, "a_verb", module)
    monkeypatch.setitem(cli.VERBS, "dive", ("a_verb", "go down"))
    assert cli.main(["dive", "--depth", "3"]) == 4
    assert (seen[0].verb, seen[0].depth) == ("dive", 3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: VERB"),
        (["fly"], "invalid choice: 'fly' (choose from 'doctor', 'simulate', 'run', 'serve', 'predict'"),
        (["run", "--epochs", "3"], "unrecognized arguments: --epochs 3"),
    ],
)
def test_bad_arguments_end_with_status_2(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == 2
    assert told in capsys.readouterr().err
