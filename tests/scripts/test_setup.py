"""Set-up's decisions in a copy of its files with a stand-in environment, and the Makefile around it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLER = """#!/bin/bash
[[ $1 == --version ]] && echo "uv {version}" && exit
echo "uv $1 $2" >> {log}
[[ ! -e {fault} ]]
"""


@pytest.fixture
def checkout(tmp_path):
    """Copy of the files that set-up reads, with an environment whose python and uv are stand-ins."""
    copy = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", copy / "scripts")
    shutil.copytree(ROOT / "requirements", copy / "requirements")
    for name in ("pyproject.toml", "setup.py", "Makefile"):
        shutil.copy(ROOT / name, copy / name)
    lock = (copy / "requirements" / "bootstrap.lock").read_text(encoding="utf-8")
    furnish(copy, version=lock.split("==")[1].split(" ")[0])
    return copy


def furnish(copy: Path, version: str) -> None:
    """A stand-in .venv, and a stand-in Python 3.10 that builds one like it."""
    template = copy.parent / "template"
    uv = template / "bootstrap" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(
        INSTALLER.format(version=version, log=copy.parent / "log", fault=copy.parent / "fault"),
        encoding="utf-8",
    )
    python = template / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f"#!/bin/bash\n[[ $1 == -m ]] && cp -r {template} $3 && echo venv >> {copy.parent}/log\nexit 0\n",
        encoding="utf-8",
    )
    finder = copy / "scripts" / "find_python.sh"
    finder.write_text(f"#!/bin/bash\necho {python}\n", encoding="utf-8")
    for path in (uv, python, finder):
        path.chmod(0o755)


def set_up(copy: Path) -> tuple[int, str, str, list[str]]:
    """Status, output and errors of one set-up, and what it had the installer do."""
    log = copy.parent / "log"
    log.write_text("", encoding="utf-8")
    shown = subprocess.run(["scripts/setup.sh"], cwd=copy, capture_output=True, text=True, check=False, timeout=60)
    return shown.returncode, shown.stdout, shown.stderr, log.read_text(encoding="utf-8").splitlines()


# A make inside `make test` would otherwise take over the outer one's variables and announce its folders.
MAKE_ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
}
SYNC = ["uv pip sync", "uv pip install", "uv pip check"]
REBUILT = "setup: .venv is unfinished, moved or of another Python: building it anew\n"


def test_first_builds_and_second_is_silent(checkout):
    status, output, errors, done = set_up(checkout)
    assert (status, errors, done) == (0, "", ["venv", *SYNC])
    assert output.splitlines()[-1].startswith("setup: ready after ")
    assert REBUILT not in output
    assert set_up(checkout) == (0, "", "", [])


@pytest.mark.parametrize("name", ["requirements/portable.lock", "requirements/dev.lock", "setup.py", "pyproject.toml"])
def test_a_changed_input_is_brought_in_without_a_rebuild(checkout, name):
    set_up(checkout)
    with (checkout / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    status, output, _, done = set_up(checkout)
    assert (status, done) == (0, SYNC)
    assert output.startswith("setup: the locks changed, bringing .venv up to date\n")
    assert set_up(checkout)[3] == []


def test_a_failed_installation_is_no_environment(checkout):
    (checkout.parent / "fault").touch()
    status, _, errors, done = set_up(checkout)
    assert (status, done) == (1, ["venv", "uv pip sync"])
    assert errors.endswith("setup: the packages could not be installed: see above, then run it again\n")
    (checkout.parent / "fault").unlink()
    status, output, _, done = set_up(checkout)
    assert (status, done) == (0, ["venv", *SYNC])
    assert output.startswith(REBUILT)


def test_an_interrupted_update_is_built_anew(checkout):
    set_up(checkout)
    (checkout / "requirements" / "portable.lock").open("a").write("\n")
    (checkout.parent / "fault").touch()
    assert set_up(checkout)[0] == 1
    (checkout.parent / "fault").unlink()
    assert set_up(checkout)[3] == ["venv", *SYNC]


def test_a_moved_clone_is_built_anew(checkout):
    set_up(checkout)
    moved = checkout.rename(checkout.parent / "moved")
    status, output, _, done = set_up(moved)
    assert (status, done) == (0, ["venv", *SYNC])
    assert output.startswith(REBUILT)


def test_a_python_that_no_longer_runs_is_replaced(checkout):
    set_up(checkout)
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/bash\nexit 127\n", encoding="utf-8")
    assert set_up(checkout)[3] == ["venv", *SYNC]


def test_without_a_python_the_one_line_is_all(checkout):
    shutil.copy(ROOT / "scripts" / "find_python.sh", checkout / "scripts" / "find_python.sh")
    environ = {"PATH": f"{checkout.parent / 'bin'}", "HOME": str(checkout.parent)}
    (checkout.parent / "bin").mkdir()
    for tool in ("bash", "cat", "cut", "dirname", "head", "mv", "rm", "sed", "sha256sum", "uname", "env"):
        (checkout.parent / "bin" / tool).symlink_to(shutil.which(tool))
    shown = subprocess.run(["scripts/setup.sh"], cwd=checkout, env=environ, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("adclick needs Python 3.10 (TFX 1.16): install it with ")
    assert shown.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists()


def test_locks_are_resolved_before_the_environment_follows_them(checkout):
    """A package that an .in file names and the locks lack is no reason to fail: the locks are to get it."""
    set_up(checkout)
    log = checkout.parent / "log"
    log.write_text("", encoding="utf-8")
    with (checkout / "requirements" / "runtime.in").open("a", encoding="utf-8") as file:
        file.write("a-package-the-lock-lacks\n")
    subprocess.run(["make", "lock"], cwd=checkout, env=MAKE_ENVIRON, capture_output=True, check=True, timeout=60)
    assert log.read_text(encoding="utf-8").splitlines() == ["uv pip compile"] * 6 + SYNC


def test_make_lists_its_targets(checkout):
    shown = subprocess.run(["make"], cwd=checkout, env=MAKE_ENVIRON, capture_output=True, text=True, check=True)
    listed = [line.split()[1] for line in shown.stdout.splitlines()]
    assert listed == ["help", "setup", "run", "test", "check", "bench", "lock", "clean"]


def test_make_clean_removes_what_was_made_and_nothing_else(checkout):
    made = [
        ".venv/bin/python",
        "out/reports/a.html",
        "data/sample/data/2024-01.csv",
        "data/sample.partial/x",
        ".mypy_cache/a",
    ]
    made += [
        ".ruff_cache/a",
        ".pytest_cache/a",
        "adclick/__pycache__/cli.pyc",
        "tests/adclick/__pycache__/a.pyc",
    ]
    made += ["adclick.egg-info/PKG-INFO", "__pycache__/run_local.pyc"]
    kept = [
        "adclick/cli.py",
        "data/mine/2024-01.csv",
        "data/mine/__pycache__/a.pyc",
        "out2/a",
        "configs/own.yaml",
    ]
    for name in made + kept:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("", encoding="utf-8")
    before = {path for path in checkout.rglob("*") if path.is_file()}
    gone = {checkout / name for name in made} | {path for path in before if ".venv" in path.parts}
    shown = subprocess.run(
        ["make", "clean"], cwd=checkout, env=MAKE_ENVIRON, capture_output=True, text=True, check=True
    )
    assert (shown.stdout, shown.stderr) == ("", "")
    assert {path for path in checkout.rglob("*") if path.is_file()} == before - gone


def simulate(checkout: Path, script: str) -> subprocess.CompletedProcess:
    """`make sample` with `script` for an adclick command."""
    set_up(checkout)
    command = checkout / ".venv" / "bin" / "adclick"
    command.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    command.chmod(0o755)
    return subprocess.run(
        ["make", "sample"], cwd=checkout, env=MAKE_ENVIRON, capture_output=True, text=True, check=False
    )


def test_an_interrupted_simulation_is_no_sample(checkout):
    assert simulate(checkout, 'mkdir -p "$3/data" && exit 1').returncode == 2  # make's own status for a failed recipe
    assert not (checkout / "data" / "sample").exists()
    assert simulate(checkout, '[[ ! -e $3 ]] && mkdir -p "$3/data" "$3/truth"').returncode == 0
    assert sorted(path.name for path in (checkout / "data" / "sample").iterdir()) == ["data", "truth"]
    assert simulate(checkout, "exit 1").returncode == 0  # it is there: nothing to simulate
