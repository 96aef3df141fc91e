"""A server of Kubeflow's API, a compiled pipeline, and settings that lead the one to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kfp_api_server import KfpApiServer
from small_pipeline import SPEC, write_package

from configs.loading import load_settings
from configs.settings import Settings


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token, no address and no kfp context of whoever runs the tests; short pauses."""
    for name in ("ADCLICK_KFP_TOKEN", "KF_PIPELINES_ENDPOINT", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("pipeline.kubeflow.submission.connection.FIRST_PAUSE_S", 0.01)


@pytest.fixture
def api() -> Iterator[KfpApiServer]:
    """It holds all that it hears and says against the published definition."""
    server = KfpApiServer()
    server.start()
    yield server
    server.stop()
    assert server.breaches == []


@pytest.fixture
def settings_with(api: KfpApiServer) -> Callable[..., Settings]:
    """Settings for the server, with further `a.b=value` words."""

    def load(*words: str) -> Settings:
        return load_settings(None, [f"submission.host={api.host}", "submission.poll_s=0.01", *words])

    return load


@pytest.fixture
def package_file(tmp_path: Path) -> Path:
    """A compiled pipeline of four steps and four parameters."""
    return write_package(tmp_path / "pipeline.yaml", SPEC)
