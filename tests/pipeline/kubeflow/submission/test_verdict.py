"""The run's report is read where it can be, and anything else is no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.loading import load_settings
from pipeline.kubeflow.submission.verdict import read_summary


def test_a_report_below_the_pipeline_root_is_read(tmp_path: Path) -> None:
    file = tmp_path / "reports/r1/summary.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"pushed_version": 7}')
    settings = load_settings(None, [f"pipeline_root={tmp_path}"])
    assert read_summary(settings, "r1") == {"pushed_version": 7}
    assert read_summary(settings, "r2") is None
    assert read_summary(load_settings(), "r1") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"verdict": {}}'])
def test_what_is_no_report_is_no_verdict(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reports/r1/summary.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert read_summary(load_settings(None, [f"pipeline_root={tmp_path}"]), "r1") is None
