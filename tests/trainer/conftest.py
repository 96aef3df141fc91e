"""One TensorFlow Transform run on six rows for every test of the folder."""

from __future__ import annotations

import pytest

from adclick.stack import prepare_environment

prepare_environment()  # before any test module imports TensorFlow

from transform_sample import Sample, analyse  # noqa: E402 (the line above has to come first)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """What Transform leaves behind: its graph and the transformed Examples. Read only."""
    return analyse(tmp_path_factory.mktemp("transform"))
