"""ServingCanary's word as an artifact, where no server is wanted; tests/e2e has the whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx.components.util import model_utils
from tfx.types import standard_artifacts

from adclick.errors import AdclickError
from components.serving_canary.executor import IMAGES_TRIED, ServingCanaryExecutor, new_creative


def test_a_model_that_the_evaluation_refused_is_not_served(tmp_path: Path) -> None:
    blessing, output = standard_artifacts.ModelBlessing(), standard_artifacts.InfraBlessing()
    blessing.set_int_custom_property("blessed", 0)
    output.uri = str(tmp_path)
    ServingCanaryExecutor().Do({"blessing": [blessing]}, {"infra_blessing": [output]}, {})
    assert not model_utils.is_infra_validated(output)
    assert json.loads((tmp_path / "verdict.json").read_text()) == {
        "state": "skipped",
        "reason": "the evaluation refused the model, so it was not served",
        "checks": [],
    }


def test_the_first_image_that_can_be_read_is_the_new_creative(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"image b")
    (tmp_path / "c.png").write_bytes(b"image c")
    assert new_creative(str(tmp_path), ["a.png", "b.png", "c.png"]).encoded == b"image b"
    with pytest.raises(AdclickError, match=r"none of the first 1 creatives can be read any more .*deliver the images"):
        new_creative(str(tmp_path), ["a.png"])
    with pytest.raises(AdclickError, match=f"none of the first {IMAGES_TRIED} creatives"):
        new_creative(str(tmp_path), [f"{number}.png" for number in range(100)])
