"""Where no ML Metadata can be asked, the gate's driver looks into a folder for the month before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.anomaly_gate.driver import AnomalyGateDriver
from components.artifacts import SpanStatistics
from components.drivers import REFERENCE_ROOT
from configs.anomalies import AnomalyLimits
from pipeline.kubeflow.leaving import Surroundings, keep_references, reference_root


def statistics(folder: Path, *spans: int) -> dict[str, list[Any]]:
    artifact = SpanStatistics()
    artifact.uri = str(folder)
    for span in spans:
        (folder / f"span-{span}").mkdir(parents=True)
        (folder / f"span-{span}" / "FeatureStats.pb").write_bytes(f"{folder.name} {span}".encode())
    return {"span_statistics": [artifact]}


def observed(inputs: dict[str, list[Any]], root: str) -> dict[str, str | int]:
    limits = AnomalyLimits().model_dump_json()
    return AnomalyGateDriver(None).observe(inputs, {"anomaly_limits": limits, REFERENCE_ROOT: root})


@pytest.mark.parametrize(("span", "expected"), [(1, 0), (2, 1), (4, 2), (5, 4), (10, 9)])
def test_the_newest_earlier_span_is_the_reference(span: int, expected: int, tmp_path: Path) -> None:
    statistics(tmp_path / "kept", 1, 2, 4, 9)
    found = observed(statistics(tmp_path / "new", span), str(tmp_path / "kept"))
    uri = f"{tmp_path}/kept/span-{expected}/FeatureStats.pb" if expected else ""
    assert (found["reference_span"], found["reference_uri"]) == (expected, uri)


def test_a_run_over_several_spans_compares_its_own(tmp_path: Path) -> None:
    statistics(tmp_path / "kept", 1)
    assert observed(statistics(tmp_path / "new", 2, 3), str(tmp_path / "kept"))["reference_uri"] == ""


def test_what_one_run_keeps_the_next_finds(tmp_path: Path) -> None:
    """Of two runs over span 1 the later one's counts."""
    at = Surroundings("AnomalyGate", "run", f"{tmp_path}/state", "/models/adclick")
    assert observed(statistics(tmp_path / "none", 2), reference_root(at.state_root))["reference_uri"] == ""
    keep_references(statistics(tmp_path / "first", 1), at)
    keep_references(statistics(tmp_path / "again", 1), at)
    found = observed(statistics(tmp_path / "next", 2), reference_root(at.state_root))
    assert Path(str(found["reference_uri"])).read_bytes() == b"again 1"
