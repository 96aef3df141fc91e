"""From settings to a run: what is secret is in no file, no request but its header, no log and nothing printed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kfp_api_server import KfpApiServer

from adclick import cli
from adclick.stack import prepare_environment

TOKEN, STORE_KEY, PII_KEY = "planted-token-1f2e", "planted-store-key-3d4c", "planted-pii-key-5b6a"


@pytest.fixture
def api() -> Iterator[KfpApiServer]:
    server = KfpApiServer(token=TOKEN)
    server.start()
    yield server
    server.stop()
    assert server.breaches == []


def test_planted_secrets_are_nowhere(
    api: KfpApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All three are in the environment of whoever compiles and submits, and the settings name each."""
    prepare_environment()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLICKS_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", STORE_KEY)
    monkeypatch.setenv("ADCLICK_PII_KEY", PII_KEY)
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "pipeline_root": "/data/root",
                "data": {"root": "/data/in"},
                "push": {"root": "/data/models"},
                "kubeflow": {
                    "image": "registry.example.com/adclick:1.0",
                    "volumes": [{"claim": "data", "path": "/data"}],
                    "secrets": {
                        "AWS_SECRET_ACCESS_KEY": {"secret": "store", "key": "password"},
                        "ADCLICK_PII_KEY": {"secret": "pii", "key": "key"},
                    },
                },
                "submission": {"host": api.host, "token_variable": "CLICKS_TOKEN", "poll_s": 0.01},
            }
        )
    )
    package, config = str(tmp_path / "pipeline.yaml"), ["--config", str(settings)]
    with caplog.at_level(logging.DEBUG):
        assert cli.main(["kubeflow", "compile", *config, "--output", package]) == 0
        assert cli.main(["kubeflow", "lint", package]) == 0
        assert cli.main(["kubeflow", "submit", *config, "--package", package]) == 0
        assert cli.main(["kubeflow", "submit", *config, "--package", package, "--schedule"]) == 0
        assert cli.main(["kubeflow", "status", *config]) == 0
    printed = capfd.readouterr()
    places = {str(file): file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()}
    places |= {"printed": printed.out + printed.err, "logged": caplog.text}
    places["asked"] = json.dumps([(one.path, one.query, one.body) for one in api.requests])
    places["uploaded"] = b"".join(api.uploads).decode()
    for secret in (TOKEN, STORE_KEY, PII_KEY):
        assert [place for place, text in places.items() if secret in text] == []
    assert api.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert "secretName: store" in places[package]  # by reference, it is there
    assert places["printed"].count(": succeeded\n") == 2
