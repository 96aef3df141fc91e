"""The order of the tests of a run on several processes, and turns for those that bear no other test beside them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = pytest.StashKey[str]()
TURNS = pytest.StashKey["Turns"]()


class Turns:
    """A lock of readers and writers over the worker processes of one run: tests side by side, or one alone.

    Everyone goes through the door first, and who is to be alone holds it while waiting: those who come later wait
    behind. A lock ends with its process.
    """

    def __init__(self, folder: Path) -> None:
        self._door, self._room = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("door", "room"))

    @contextlib.contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a worker process of pytest-xdist
        config.stash[TURNS] = Turns(Path(config.workerinput["turns"]))
    else:
        folder = tempfile.TemporaryDirectory(prefix="adclick-turns-")
        config.add_cleanup(folder.cleanup)
        config.stash[FOLDER] = folder.name


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_configure_node(node: Any) -> None:
    node.workerinput["turns"] = node.config.stash[FOLDER]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files of whole pipeline runs first, lest a long one begins last; at the end those with tests that run alone."""
    if TURNS not in config.stash:
        return
    alone = {item.path for item in items if item.get_closest_marker("alone")}
    runs = {item.path for item in items if item.get_closest_marker("e2e")}
    items.sort(key=lambda item: (item.path in alone, item.path not in runs))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of pytest-timeout's clock: waiting is not the test's time
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if TURNS not in item.config.stash:
        return (yield)
    with item.config.stash[TURNS].taken(alone=item.get_closest_marker("alone") is not None):
        return (yield)
