"""One exported model and one server process for all tests that only ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adclick.stack import prepare_environment

prepare_environment()  # before any test module imports TensorFlow

from click_model import export_click_model  # noqa: E402 (the line above has to come first)
from server_process import ServerProcess  # noqa: E402 (it starts what the environment is for)
from status_model import export_status_model  # noqa: E402 (likewise)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with versions 1, 2 and 3; copy from it, do not serve from it."""
    folder = tmp_path_factory.mktemp("exported")
    for version in (1, 2, 3):
        export_click_model(folder, version)
    return folder


@pytest.fixture(scope="session")
def server(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serves version 3 as `click`, taking bodies of up to 1 MB."""
    base_path = tmp_path_factory.mktemp("served") / "click"
    base_path.mkdir()
    (base_path / "3").symlink_to(exported / "3")
    process = ServerProcess(base_path, "--max_body_bytes=1000000")
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def status_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serves status_model.py's version 4, which flags creatives, as `click`."""
    base_path = tmp_path_factory.mktemp("flagging") / "click"
    export_status_model(base_path, 4)
    process = ServerProcess(base_path)
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        process.stop()
