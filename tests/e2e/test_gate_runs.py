"""An anomaly that stops a run, and the same run with the anomaly accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_run import Run, run_local

pytestmark = pytest.mark.e2e

# some users have no age, so a share of 0.999 with one is an anomaly in both splits
STRICT = ("schema.min_presence=0.999", "trainer.epochs=1", "creatives.image_px=16", "model.use_images=false")


def test_an_anomaly_stops_the_run_until_it_is_accepted(first_run: Run, workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    stopped = run_local(data, output, settings=STRICT)
    assert stopped.status == 4, stopped.errors
    found = {(one["feature"], one["type"], one["decision"]) for one in stopped.summary["anomalies"]}
    assert ("user_age", "FEATURE_TYPE_LOW_FRACTION_PRESENT", "stopping") in found
    assert {kind for _, kind, _ in found} == {"FEATURE_TYPE_LOW_FRACTION_PRESENT"}
    assert not stopped.summary["gate"]["passed"]
    assert "accept it with --accept user_age:FEATURE_TYPE_LOW_FRACTION_PRESENT" in stopped.errors
    accept = [word for feature, kind, _ in sorted(found) for word in ("--accept", f"{feature}:{kind}")]
    going_on = run_local(data, output, *accept, "--accept", "device", settings=STRICT)
    assert going_on.status in (0, 3), going_on.errors
    accepted = {(one["feature"], one["decision"]) for one in going_on.summary["anomalies"]}
    assert accepted == {(feature, "accepted") for feature, _, _ in found}
    assert going_on.summary["gate"]["unused_accept"] == ["device"]
    assert "accepted in vain, no such anomaly: device" in going_on.text
    assert "drift      unchecked: " in going_on.text
