"""The wheel as the images build it, and prefixes that hold what an image's lock holds and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from dockerfiles import ROOT, chain, context_files, copied, read_dockerfile

PIN = re.compile(r"([a-z0-9.-]+)==")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that the steps' Dockerfile copies, so that one it forgets is missing here too."""
    source, target = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("wheel")
    stage = chain(read_dockerfile(ROOT / "deploy" / "images" / "steps.Dockerfile"), "build")[-1]
    for names in copied(stage, context_files()).values():
        for name in names:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    program = f"from setuptools.build_meta import build_wheel; build_wheel({str(target)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=source, check=True, capture_output=True, timeout=120)
    (built,) = target.glob("*.whl")
    return built


def prefix(wheel: Path, lock: str, folder: Path) -> Path:
    """A folder for PYTHONPATH: the wheel, and each file of the locked packages, linked from this environment."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name in PIN.findall((ROOT / "requirements" / lock).read_text(encoding="utf-8")):
        found = distribution(name)
        for file in found.files or []:
            if ".." in file.parts or "__pycache__" in file.parts:
                continue  # scripts, and bytecode that Python looks for beside the link
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(found.locate_file(file))
    return folder


@pytest.fixture(scope="session")
def gateway_prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the gateway's image has."""
    return prefix(wheel, "gateway.lock", tmp_path_factory.mktemp("gateway-prefix"))


@pytest.fixture(scope="session")
def replica_prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the replica's image has."""
    return prefix(wheel, "replica.lock", tmp_path_factory.mktemp("replica-prefix"))
