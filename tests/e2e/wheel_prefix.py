"""An installation of the built wheel, as the image of pipeline steps has it: nothing of the source tree is in reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# What no wheel is made of.
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "benchmarks", "data", "docs", "out", "tests"
)


@dataclass(frozen=True)
class Prefix:
    """A virtual environment that holds our wheel."""

    root: Path

    @property
    def programs(self) -> Path:
        """Where `python` and `adclick` are."""
        return self.root / "bin"

    def place_of(self, module: str) -> Path:
        """The file that an interpreter of the prefix finds for a module, in an environment without variables."""
        code = f"import importlib.util as u; print(u.find_spec({module!r}).origin)"
        found = subprocess.run(
            [self.programs / "python", "-c", code], check=True, capture_output=True, text=True, env={}, cwd=self.root
        )
        return Path(found.stdout.strip())


def install_wheel(folder: Path) -> Prefix:
    """Builds the wheel from a copy of the tree and installs it without the network.

    Third-party releases are those of the running environment: a path in a .pth file leads to them, and a path in a
    .pth file obeys no further .pth file, an editable installation's among them.
    """
    source, prefix = folder / "source", folder / "prefix"
    shutil.copytree(PROJECT, source, ignore=LEFT_OUT)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *build], check=True, cwd=folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    (wheel,) = folder.glob("adclick-*.whl")
    place = ["--python", str(prefix / "bin" / "python"), "install", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, *place, str(wheel)], check=True, cwd=folder)
    shutil.rmtree(source)
    (packages,) = prefix.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", "utf-8")
    return Prefix(prefix)
