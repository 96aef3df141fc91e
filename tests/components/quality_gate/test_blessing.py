"""What TFX's code and ours read of a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.components.util import model_utils
from tfx.types import standard_artifacts

from components.quality_gate.blessing import bless, read_verdict, write_verdict
from components.quality_gate.bounds import Bound
from components.quality_gate.verdict import Force, Verdict

GOOD = Bound("AUC", 0.7, "≥", 0.55, "held", True)
BAD = Bound("AUC", 0.5, "≥", 0.55, "failed", False, 0.48, 0.52)
FORCE = Force("a day of clicks is missing", "ada", "2026-01-31T08:00:00+00:00")


def verdict(*bounds: Bound, force: Force | None = None) -> Verdict:
    return Verdict(list(bounds), [], False, 0.95, force)


def blessing(folder: Path) -> standard_artifacts.ModelBlessing:
    artifact = standard_artifacts.ModelBlessing()
    artifact.uri = str(folder)
    return artifact


@pytest.mark.parametrize(("bounds", "blessed"), [((GOOD,), True), ((GOOD, BAD), False)])
def test_tfx_reads_the_gates_verdict_and_not_an_earlier_one(
    tmp_path: Path, bounds: tuple[Bound, ...], blessed: bool
) -> None:
    artifact = blessing(tmp_path)
    (tmp_path / ("NOT_BLESSED" if blessed else "BLESSED")).write_text("")  # what TFMA thought of it
    artifact.set_int_custom_property("blessed", int(not blessed))
    bless(artifact, verdict(*bounds))
    assert model_utils.is_model_blessed(artifact) is blessed
    assert [one.name for one in tmp_path.iterdir()] == ["BLESSED" if blessed else "NOT_BLESSED"]
    assert not artifact.has_custom_property("force_reason")


def test_a_forced_blessing_keeps_who_and_why(tmp_path: Path) -> None:
    artifact = blessing(tmp_path / "new")
    bless(artifact, verdict(BAD, force=FORCE))
    assert model_utils.is_model_blessed(artifact)
    assert artifact.get_string_custom_property("force_reason") == "a day of clicks is missing"
    assert artifact.get_string_custom_property("forced_by") == "ada at 2026-01-31T08:00:00+00:00"


def test_a_verdict_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_verdict(str(tmp_path), verdict(GOOD, BAD, force=FORCE))
    found = read_verdict(str(tmp_path))
    assert found == verdict(GOOD, BAD, force=FORCE).as_json()
    assert found["reasons"] == ["AUC 0.5000 [0.4800, 0.5200] is not ≥ 0.55"]
