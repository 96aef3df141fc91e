"""The choice of a Python, with stand-in interpreters: shell scripts that answer the probe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "find_python.sh"
INSTALL_HINT = (
    "adclick needs Python 3.10 (TFX 1.16): install it with `uv python install 3.10`, `pyenv install 3.10` "
    "or your system's package manager\n"
)


def stand_in(path: Path, version: str, *, implementation: str = "cpython", venv: str = "venv", real: str = "") -> str:
    """Executable at `path` that answers as Python `version` would; returns the real path that it names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    real = real or str(path)
    answer = f"{implementation} {version.replace('.', ' ')} {venv} {real}"
    path.write_text(f"#!/bin/bash\necho '{answer}'\n", encoding="utf-8")
    path.chmod(0o755)
    return real


def shim(path: Path) -> None:
    """A pyenv shim for a version that is not selected: it exists, and fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/bash\necho 'pyenv: python3.10: command not found' >&2\nexit 127\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def find(tmp_path):
    """Runs the search in an environment that knows only `tmp_path`: its bin as PATH, itself as HOME."""
    (tmp_path / "bin").mkdir()

    def search(**environ: str) -> tuple[int, str, str]:
        environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)} | environ
        shown = subprocess.run(
            ["/bin/bash", SCRIPT], env=environ, capture_output=True, text=True, check=False, timeout=20
        )
        return shown.returncode, shown.stdout, shown.stderr

    return search


def test_python_on_path_wins_and_its_real_path_is_named(find, tmp_path):
    stand_in(tmp_path / "bin" / "python3.10", "3.10.2", real="/opt/python/bin/python3.10")
    stand_in(tmp_path / ".pyenv" / "versions" / "3.10.13" / "bin" / "python3.10", "3.10.13")
    assert find() == (0, "/opt/python/bin/python3.10\n", "")


def test_failing_shim_is_passed_over_for_the_newest_of_pyenv(find, tmp_path):
    shim(tmp_path / "bin" / "python3.10")
    stand_in(tmp_path / "bin" / "python3", "3.11.4")
    versions = tmp_path / ".pyenv" / "versions"
    stand_in(versions / "3.10.9" / "bin" / "python3.10", "3.10.9")
    newest = stand_in(versions / "3.10.13" / "bin" / "python3.10", "3.10.13")
    assert find() == (0, f"{newest}\n", "")  # 13 > 9, though "3.10.13" < "3.10.9" as text


def test_a_second_python_on_path_is_found_behind_a_failing_shim(find, tmp_path):
    shim(tmp_path / "bin" / "python3.10")
    real = stand_in(tmp_path / "usr" / "python3.10", "3.10.12")
    assert find(PATH=f"{tmp_path}/bin:{tmp_path}/usr") == (0, f"{real}\n", "")


def test_pyenv_root_is_heeded(find, tmp_path):
    real = stand_in(tmp_path / "elsewhere" / "versions" / "3.10.1" / "bin" / "python3.10", "3.10.1")
    assert find(PYENV_ROOT=f"{tmp_path}/elsewhere") == (0, f"{real}\n", "")


def test_python3_that_is_3_10_will_do(find, tmp_path):
    real = stand_in(tmp_path / "bin" / "python3", "3.10.6")
    assert find() == (0, f"{real}\n", "")


def test_uvs_own_python_is_found(find, tmp_path):
    name = "cpython-3.10.16-linux-x86_64-gnu"
    real = stand_in(tmp_path / ".local/share/uv/python" / name / "bin" / "python3.10", "3.10.16")
    assert find() == (0, f"{real}\n", "")


@pytest.mark.parametrize(
    ("implementation", "version"), [("pypy", "3.10.14"), ("cpython", "3.1.0"), ("cpython", "3.11.9")]
)
def test_unfit_pythons_are_refused_in_one_line(find, tmp_path, implementation, version):
    stand_in(tmp_path / "bin" / "python3.10", version, implementation=implementation)
    assert find() == (1, "", INSTALL_HINT)


def test_no_python_at_all(find):
    assert find() == (1, "", INSTALL_HINT)


def test_no_home_either(find, tmp_path):
    assert find(HOME="") == (1, "", INSTALL_HINT)


def test_missing_venv_module_is_named_when_nothing_better_is_found(find, tmp_path):
    stand_in(tmp_path / "bin" / "python3.10", "3.10.12", venv="no-venv", real="/usr/bin/python3.10")
    hint = (
        "/usr/bin/python3.10 cannot make virtual environments: "
        "install its venv module with `apt install python3.10-venv`\n"
    )
    assert find() == (1, "", hint)
    real = stand_in(tmp_path / ".pyenv" / "versions" / "3.10.4" / "bin" / "python3.10", "3.10.4")
    assert find() == (0, f"{real}\n", "")


def test_python_named_by_the_user(find, tmp_path):
    stand_in(tmp_path / "bin" / "python3.10", "3.10.2")
    mine = stand_in(tmp_path / "mine" / "python", "3.10.8")
    assert find(PYTHON=mine) == (0, f"{mine}\n", "")
    stand_in(tmp_path / "mine" / "python", "3.12.1")
    message = f"PYTHON={mine} is no CPython 3.10 that runs: name one, or unset PYTHON to have it searched\n"
    assert find(PYTHON=mine) == (1, "", message)


def test_the_probe_of_a_real_python_names_the_one_beneath_its_environment():
    environ = os.environ | {"PYTHON": sys.executable}
    shown = subprocess.run([SCRIPT], env=environ, capture_output=True, text=True, check=True)
    assert shown.stdout == f"{Path(sys._base_executable).resolve()}\n"
    assert sys.prefix not in shown.stdout  # the tests run in .venv, which set-up may have to remove
