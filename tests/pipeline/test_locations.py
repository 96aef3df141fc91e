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
        "pipeline_root": root / "pipeline_root",
        "metadata": root / "metadata.db",
        "model_folder": root / "serving" / "ads",
        "reports": root / "reports",
        "logs": root / "logs",
        "schemas": root / "schemas",
        "temporary": root / "tmp",
    }
    assert not root.exists()
