"""The pipeline as a person runs it: first run, again, changed data, a worse candidate."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from local_run import CREATIVES, IMPRESSIONS, SMALL, Run, run_local
from PIL import Image

from adclick import cli

pytestmark = pytest.mark.e2e

COMPONENTS = {
    "AdExampleGen",
    "CreativeGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "AnomalyGate",
    "Transform",
    "CreativeTrainer",
    "ServedModel",
    "ServedBaselineEvaluator",
    "ServingCanary",
    "AtomicPusher",
    "RunReport",
}


def test_the_first_run_pushes_a_blessed_model(first_run: Run) -> None:
    assert first_run.status == 0, first_run.errors
    summary = first_run.summary
    assert (
        summary["rows"]["read"] == IMPRESSIONS == summary["rows"]["written"] + sum(summary["rows"]["rejected"].values())
    )
    assert summary["splits"]["train"] + summary["splits"]["eval"] == IMPRESSIONS
    assert summary["creatives"]["distinct"] <= CREATIVES
    assert summary["baseline"] is None
    assert summary["verdict"]["blessed"]
    assert set(summary["component_seconds"]) == COMPONENTS == first_run.states("done")
    assert 0.5 < summary["metrics"]["auc"] < summary["bayes_auc"] < 1.0
    assert math.isclose(
        summary["metrics"]["calibration_ratio"],
        summary["metrics"]["mean_prediction"] / summary["metrics"]["mean_label"],
    )
    served = first_run.output / "serving" / "adclick" / str(summary["pushed_version"])
    assert (served / "saved_model.pb").is_file()
    assert "BLESSED: version" in first_run.text
    assert "adclick serve" in first_run.text
    assert first_run.errors == ""


def test_an_unchanged_run_reuses_everything(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    again = run_local(data, output)
    assert again.status == 0, again.errors
    assert again.states("cached") == COMPONENTS
    assert len(pushed_versions(output)) == 1


def test_a_redrawn_image_reruns_what_depends_on_it(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    with (data / "month-1" / "impressions.csv").open(encoding="utf-8") as lines:
        image = next(cell for line in lines for cell in line.split(",") if cell.startswith("images/"))
    Image.new("RGB", (120, 90), "red").save(data / image)
    again = run_local(data, output)
    assert again.status in (0, 3), again.errors
    assert again.states("cached") == {
        "AdExampleGen",
        "StatisticsGen",
        "ImportSchemaGen",
        "ExampleValidator",
        "Transform",
    }
    assert again.summary["baseline"]["version"] == first_version(output)


def test_a_changed_csv_byte_reruns_from_the_ingest(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    file = data / "month-1" / "impressions.csv"
    file.write_bytes(file.read_bytes().replace(b",desktop,", b",tablet,", 1))
    again = run_local(data, output)
    assert again.states("cached") == {"ImportSchemaGen"}


def test_a_trainer_setting_never_reruns_the_transform(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    again = run_local(data, output, settings=(*SMALL, "trainer.seed=8"))
    assert again.states("cached") >= {"AdExampleGen", "CreativeGen", "StatisticsGen", "Transform"}
    assert "CreativeTrainer" in again.states("done")
    assert again.summary["baseline"] is not None


def test_a_degraded_candidate_is_not_pushed(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    # A prior that forbids every value a weight of its own leaves the numbers alone: an AUC of 0.58, not 0.68. 600 rows
    # with 50 clicks prove no loss of 0.1, so that a floor between the two decides.
    without_values = ("model.kind=logistic", "model.estimate_priors=false", "model.embedding_prior=1e9")
    settings = (*SMALL, *without_values, "model.use_images=false", "evaluation.bounds.min_auc=0.63")
    worse = run_local(data, output, settings=settings)
    assert worse.status == 3, worse.errors
    summary = worse.summary
    assert not summary["verdict"]["blessed"]
    assert summary["pushed_version"] is None
    assert summary["verdict"]["reasons"]
    assert "NOT BLESSED: nothing was pushed: AUC" in worse.text
    assert summary["verdict"]["canary"]["state"] == "skipped"
    assert len(pushed_versions(output)) == 1
    forced = run_local(data, output, "--force-bless", "a day of clicks is missing", settings=settings)
    assert forced.status == 0, forced.errors
    assert "CreativeTrainer" in forced.states("cached")
    verdict = forced.summary["verdict"]
    assert (verdict["blessed"], verdict["force"]["reason"]) == (True, "a day of clicks is missing")
    assert verdict["force"]["overruled"] == summary["verdict"]["reasons"]
    assert "BLESSED BY FORCE (--force-bless by " in forced.text
    assert len(pushed_versions(output)) == 2
    again = run_local(data, output, settings=settings)
    assert again.status == 0, again.errors
    assert "NOT BLESSED, and in service by --force-bless: a day of clicks is missing, by " in again.text
    assert again.summary["pushed_version"] == forced.summary["pushed_version"]
    assert again.summary["verdict"]["reasons"] == summary["verdict"]["reasons"]
    assert len(pushed_versions(output)) == 2


def test_a_withdrawn_model_comes_back_by_an_operator_and_not_by_a_run(workspace: tuple[Path, Path]) -> None:
    """The version gone back to was placed by hand, so that no cached comparison with it stands in the way."""
    data, output = workspace
    folder = output / "serving" / "adclick"
    pushed = first_version(output)
    assert (folder / str(pushed) / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0
    shutil.copytree(folder / str(pushed), folder / "7")
    shutil.rmtree(folder / "7" / "assets.extra")
    words = ["--output-root", str(output), "--who", "ada", "--reason", "clicks fell"]
    assert cli.main(["models", "rollback", *words]) == 0
    again = run_local(data, output)
    assert again.status == 3, again.errors
    assert {"ServedModel", "ServedBaselineEvaluator", "AtomicPusher"} <= again.states("done")
    summary = again.summary
    assert (summary["verdict"]["blessed"], summary["pushed_version"]) == (True, None)
    assert summary["verdict"]["canary"]["state"] == "passed"
    assert f"the model is that of version {pushed}, which was withdrawn by ada on" in again.text
    assert pushed_versions(output) == [7]
    assert cli.main(["models", "promote", str(pushed), *words]) == 0
    after = run_local(data, output)
    assert after.status == 0, after.errors
    assert after.summary["pushed_version"] == pushed
    assert sorted(pushed_versions(output)) == [7, pushed]


def test_the_data_gate_stops_the_run(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    file = data / "month-1" / "impressions.csv"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    broken = [line.rstrip("\n")[:-1] + "7\n" if number % 10 == 5 else line for number, line in enumerate(lines)]
    file.write_text("".join(broken), "utf-8")
    stopped = run_local(data, output)
    assert stopped.status == 4
    rejected = sum(number % 10 == 5 for number in range(1, len(lines)))
    rows = stopped.summary["rows"]
    assert rows == {"read": IMPRESSIONS, "written": IMPRESSIONS - rejected, "rejected": {"bad_label": rejected}}
    assert f"share of rejected rows: {rejected / IMPRESSIONS:.4g}, at most 0.01" in stopped.errors
    assert stopped.summary["pushed_version"] is None
    assert "AnomalyGate" in stopped.states("failed")


def test_a_failed_run_goes_on_where_it_failed(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    seeded = (*SMALL, "trainer.seed=9")
    (output / "pipeline_root" / "CreativeTrainer" / "model").rename(output / "kept-models")
    (output / "pipeline_root" / "CreativeTrainer" / "model").write_text("in the way")
    failed = run_local(data, output, settings=seeded)
    assert failed.status == 1
    assert "CreativeTrainer failed" in failed.errors
    assert "08-CreativeTrainer.log" in failed.errors
    (output / "pipeline_root" / "CreativeTrainer" / "model").unlink()
    (output / "kept-models").rename(output / "pipeline_root" / "CreativeTrainer" / "model")
    resumed = run_local(data, output, settings=seeded)
    assert resumed.status in (0, 3), resumed.errors
    assert resumed.states("cached") >= {"AdExampleGen", "CreativeGen", "StatisticsGen", "Transform", "AnomalyGate"}
    assert "CreativeTrainer" in resumed.states("done")


def first_version(output: Path) -> int:
    """The oldest pushed version."""
    return min(pushed_versions(output))


def pushed_versions(output: Path) -> list[int]:
    """Numbers of the versions that a server would see."""
    return [int(child.name) for child in (output / "serving" / "adclick").iterdir() if child.name.isdigit()]
