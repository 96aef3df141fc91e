"""A run killed in the middle of each component in turn ends as an undisturbed one."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from local_run import PROJECT, SMALL, Run, run_local
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

pytestmark = pytest.mark.e2e

KILLED_RUN = Path(__file__).with_name("killed_run.py")
VICTIMS = (
    "AdExampleGen",
    "ImportSchemaGen",
    "CreativeGen",
    "StatisticsGen",
    "ExampleValidator",
    "AnomalyGate",
    "Transform",
    "CreativeTrainer",
    "ServedModel",
    "ServedBaselineEvaluator",
    "ServingCanary",
    "AtomicPusher",
    "RunReport",
)


def examples(file: Path) -> list[bytes]:
    """Records in file order; within one the order of features is left to protobuf, so it is fixed here."""
    records = tf.data.TFRecordDataset([str(file)], compression_type="GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records]


def message(kind: Any) -> Callable[[Path], Any]:
    def read(file: Path) -> Any:
        found = kind()
        found.ParseFromString(file.read_bytes())
        return found

    return read


def statistics(file: Path) -> Any:
    """Without the ranks of columns of over 1,024 values: TFDV counts those in a sketch that keeps no fixed order."""
    found = message(statistics_pb2.DatasetFeatureStatisticsList)(file)
    for feature in found.datasets[0].features:
        if feature.string_stats.unique > 1_024:
            feature.string_stats.ClearField("rank_histogram")
            feature.string_stats.ClearField("top_values")
    return found


def arrays(file: Path) -> dict[str, list[float]]:
    with np.load(io.BytesIO(file.read_bytes())) as archive:
        return {name: archive[name].tolist() for name in archive.files}


def summary(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    del found["pushed_version"]  # a second of the clock
    del found["verdict"]["canary"]  # measured times
    for epoch in found["evidence"]["training"]["curve"] + found["evidence"]["training"]["refit"]:
        del epoch["seconds"]
    for feature in found["evidence"]["features"]["features"]:
        if feature["newest"].get("distinct", 0) > 1_024:  # as in statistics
            del feature["newest"]["top"]
    return found


# What an artifact says, by component and the files in it. SavedModels are compared by the scores that they give.
CONTENT: dict[tuple[str, str], Callable[[Path], Any]] = {
    ("AdExampleGen/examples", "**/*.gz"): examples,
    ("AdExampleGen/columns", "**/*.arrow"): Path.read_bytes,
    ("AdExampleGen/ingest_report", "*"): Path.read_bytes,
    ("ImportSchemaGen/schema", "*"): lambda file: text_format.Parse(file.read_text(), schema_pb2.Schema()),
    ("CreativeGen/creative_store", "*"): Path.read_bytes,
    ("StatisticsGen/statistics", "**/*.pb"): statistics,
    ("StatisticsGen/span_statistics", "**/*.pb"): statistics,
    ("ExampleValidator/anomalies", "**/*.pb"): message(anomalies_pb2.Anomalies),
    ("AnomalyGate/verdict", "*"): Path.read_bytes,
    ("Transform/transform_graph", "transform_fn/assets/*"): Path.read_bytes,
    ("Transform/transformed_examples", "**/*.gz"): examples,
    ("ServedBaselineEvaluator/evaluation", "scores.npz"): arrays,
    ("RunReport/summary", "summary.json"): summary,
}


def content(output: Path, artifact: str, pattern: str) -> dict[str, Any]:
    """What the files of the newest artifact say, by name."""
    newest = max((output / "pipeline_root" / artifact).iterdir(), key=lambda folder: int(folder.name))
    files = [file for file in sorted(newest.glob(pattern)) if file.is_file()]
    assert files, f"{newest}/{pattern}"
    return {str(file.relative_to(newest)): CONTENT[artifact, pattern](file) for file in files}


def killed(data: Path, output: Path, victims: tuple[str, ...]) -> list[tuple[str, str]]:
    """Runs that die in the middle of one component each, one after the other: (component, exit status)."""
    command = [sys.executable, str(KILLED_RUN), ",".join(victims)]
    command += ["--data-root", str(data), "--output-root", str(output)]
    for setting in SMALL:
        command += ["--set", setting]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=environment)
    assert done.returncode == 0, (done.stdout, done.stderr[-2000:])
    return [(victim, status) for victim, status in map(str.split, done.stdout.splitlines())]


@pytest.fixture(scope="module")
def survivor(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One output root, a killed run for each component, and then one that is left alone."""
    output = tmp_path_factory.mktemp("killed")
    assert killed(sample / "data", output, VICTIMS) == [(victim, str(-signal.SIGKILL.value)) for victim in VICTIMS]
    logs = sorted((output / "logs").iterdir(), key=lambda folder: folder.name)
    for victim, log in zip(VICTIMS, logs, strict=True):
        assert list(log.glob(f"*-{victim}.log")), f"{victim} was never reached: what was done before was done again?"
    return run_local(sample / "data", output)


def test_every_component_was_resumed(survivor: Run) -> None:
    assert survivor.status == 0, survivor.errors
    assert survivor.states("done") == {"RunReport"}, "only the last one was still to do"
    assert survivor.states("cached") == set(VICTIMS) - {"RunReport"}


@pytest.mark.parametrize(("artifact", "pattern"), CONTENT)
def test_artifacts_are_those_of_an_undisturbed_run(first_run: Run, survivor: Run, artifact: str, pattern: str) -> None:
    assert content(survivor.output, artifact, pattern) == content(first_run.output, artifact, pattern)


def test_one_whole_version_is_in_service_and_nothing_half_copied_is_left(survivor: Run) -> None:
    folder = survivor.output / "serving" / "adclick"
    found = [child.name for child in folder.iterdir() if child.name not in ("history", ".lock")]
    assert found == [str(survivor.summary["pushed_version"])]
    tf.saved_model.load(str(folder / str(survivor.summary["pushed_version"])))
