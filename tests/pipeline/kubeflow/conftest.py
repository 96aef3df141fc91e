"""Settings that a cluster can use, and what they compile to."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_settings import CLUSTER

from adclick.stack import prepare_environment

prepare_environment()


@pytest.fixture(scope="session")
def compiled_spec() -> dict[str, Any]:
    """The pipeline spec of the base settings on a cluster, for tests that read it."""
    from configs.loading import load_settings
    from pipeline.kubeflow.compile import compiled

    return compiled(load_settings(None, CLUSTER)).spec
