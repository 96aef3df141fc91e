"""One small sample and one finished first run, shared by every end-to-end test."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_run import CREATIVES, IMPRESSIONS, PROJECT, Run, run_local
from store_servers import gcs_server, s3_server, store  # noqa: F401 - fixtures

from adclick.stack import prepare_environment

prepare_environment()  # before any test module imports TensorFlow


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated sample; its CSV lies below data/."""
    folder = tmp_path_factory.mktemp("sample") / "s"
    size = ["--impressions", str(IMPRESSIONS), "--creatives", str(CREATIVES), "--seed", "11"]
    subprocess.run(
        [sys.executable, "-m", "adclick.cli", "simulate", "--output", str(folder), *size], check=True, cwd=PROJECT
    )
    return folder


@pytest.fixture(scope="session")
def first_run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first run on the sample: nothing is in service yet."""
    return run_local(sample / "data", tmp_path_factory.mktemp("out"))


@pytest.fixture
def workspace(sample: Path, first_run: Run) -> Iterator[tuple[Path, Path]]:
    """Data and output root for a test to change, put back afterwards.

    Both stay where they are, since artifacts name their place.
    """
    places = (sample / "data", first_run.output)
    kept = [place.with_name(f"{place.name}.kept") for place in places]
    for place, copy in zip(places, kept, strict=True):
        shutil.copytree(place, copy, symlinks=True)
    yield places
    for place, copy in zip(places, kept, strict=True):
        shutil.rmtree(place)
        shutil.move(copy, place)
