"""Names below the output root, which tools rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.loading import load_settings
from pipeline.locations import locations


def test_names_are_stable_and_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = locations(load_settings(None, ["output_root=my/out", "push.model_name=ads"]))
    root = tmp_path / "my" / "out"
    assert places._asdict() == {
        "output_root": root,
        "pipeline_root": str(root / "pipeline_root"),
        "mirror": root / "mirror",
        "metadata": root / "metadata.db",
        "model_folder": str(root / "serving" / "ads"),
        "reports": root / "reports",
        "logs": root / "logs",
        "schemas": root / "schemas",
        "tuning": root / "tuning",
        "temporary": root / "tmp",
    }
    assert not root.exists()


def test_artifacts_and_models_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = locations(load_settings(None, ["pipeline_root=gs://b/runs/", "push.root=models", "push.model_name=ads"]))
    assert places.pipeline_root == "gs://b/runs"
    assert places.model_folder == f"{tmp_path}/models/ads"
    places = locations(load_settings(None, ["push.root=s3://b/models"]))
    assert places.pipeline_root == f"{tmp_path}/out/pipeline_root"
    assert places.model_folder == "s3://b/models/adclick"
