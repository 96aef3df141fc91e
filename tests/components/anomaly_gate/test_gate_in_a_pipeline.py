"""The gate as the runner starts it: real ML Metadata, real cache, an earlier run's statistics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from gate_data import rows, statistics, write_span
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from upstream import Upstream

from adclick.errors import DataGateError
from components.anomaly_gate.component import AnomalyGate
from configs.features import FeatureTable
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.local_runner import NodeResult, run_pipeline

FEATURES = (
    "features=[{name: id, kind: key}, {name: device, kind: categorical}, {name: price, kind: numeric}, "
    "{name: title, kind: text}, {name: clicked, kind: label}]"
)
SHIFTED = {"phone": 0.3, "tv": 0.7}


class Silent:
    def planned(self, node_ids: list[str]) -> None: ...
    def started(self, node_id: str) -> None: ...
    def noted(self, node_id: str, text: str) -> None: ...
    def finished(self, result: NodeResult) -> None: ...


class World:
    """An output root, and one prepared folder of upstream artifacts for each data set."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0

    def data(self, name: str, spans: dict[int, statistics_pb2.DatasetFeatureStatisticsList]) -> Path:
        folder = self.root / "data" / name
        for split in ("train", "eval"):
            for key, file, content in (
                ("anomalies", "SchemaDiff.pb", anomalies_pb2.Anomalies()),
                ("statistics", "FeatureStats.pb", statistics(rows())),
            ):
                place = folder / key / f"Split-{split}"
                place.mkdir(parents=True)
                (place / file).write_bytes(content.SerializeToString())
        for span, found in spans.items():
            write_span(folder / "span_statistics", span, found)
        (folder / "ingest_report").mkdir()
        counts = {"rows": {"read": 1_000, "written": 1_000, "rejected": {}}}
        (folder / "ingest_report" / "counts.json").write_text(json.dumps(counts))
        return folder

    def run(self, data: Path, *overrides: str, name: str = "gate") -> tuple[str, dict[str, Any]]:
        """The gate's state and verdict."""
        settings = self.settings(*overrides)
        upstream = Upstream(data)
        gate = AnomalyGate(
            upstream.outputs["anomalies"],
            upstream.outputs["statistics"],
            upstream.outputs["span_statistics"],
            upstream.outputs["ingest_report"],
            None,
            settings,
            "code",
        )
        pipeline = Pipeline(
            pipeline_name=name,
            pipeline_root=str(self.root / "pipeline_root"),
            components=[upstream, gate],
            enable_cache=True,
            metadata_connection_config=sqlite_metadata_connection_config(str(self.root / "metadata.db")),
        )
        self.runs += 1
        (self.root / "logs").mkdir(exist_ok=True)
        result = run_pipeline(pipeline, f"run-{self.runs}", self.root / "logs", Silent())["AnomalyGate"]
        verdict: dict[str, Any] = json.loads((Path(result.outputs["verdict"]) / "verdict.json").read_text())
        return result.state, verdict

    @staticmethod
    def settings(*overrides: str) -> Settings:
        split = ("data.split={by: hash, column: id}", "evaluation.slices=[]")
        return load_settings(None, [FEATURES, *split, *overrides])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_months_one_by_one_are_compared_with_the_month_before_and_cached_when_unchanged(world: World) -> None:
    months = {span: world.data(f"month-{span}", {span: statistics(rows(900 + 100 * span))}) for span in (1, 2, 3)}
    state, verdict = world.run(months[1])
    assert (state, verdict["drift"]["state"]) == ("done", "unchecked")
    assert verdict["drift"]["reason"] == "no earlier span than span 1"
    assert world.run(months[1])[0] == "cached"
    for span in (2, 3):
        state, verdict = world.run(months[span])
        assert (state, verdict["drift"]["state"], verdict["passed"]) == ("done", "checked", True)
        assert verdict["drift"]["reference"] == f"span {span - 1} ({800 + 100 * span:,} rows)"
        assert verdict["drift"]["new"] == f"span {span} ({900 + 100 * span:,} rows)"
        assert world.run(months[span]) == ("cached", verdict)
    state, verdict = world.run(months[1])
    assert (state, verdict["drift"]["state"]) == ("cached", "unchecked")  # later spans are no reference


def test_a_span_that_is_missing_in_between_leaves_the_newest_before(world: World) -> None:
    world.run(world.data("both", {1: statistics(rows()), 2: statistics(rows(500))}))
    _, verdict = world.run(world.data("late", {7: statistics(rows())}))
    assert verdict["drift"]["reference"] == "span 2 (500 rows)"


def test_a_corrected_earlier_month_is_the_new_reference_and_reruns_the_gate(world: World) -> None:
    second = world.data("second", {2: statistics(rows())})
    world.run(world.data("first", {1: statistics(rows())}))
    assert world.run(second)[1]["passed"]
    world.run(world.data("first corrected", {1: statistics(rows(800))}))
    state, verdict = world.run(second)
    assert (state, verdict["drift"]["reference"]) == ("done", "span 1 (800 rows)")


def test_drift_against_an_earlier_run_stops_and_can_be_accepted(world: World) -> None:
    world.run(world.data("first", {1: statistics(rows())}))
    second = world.data("second", {2: statistics(rows(devices=SHIFTED))})
    with pytest.raises(
        DataGateError, match=r"drift of feature 'device': L∞ distance of the value shares: 0\.4"
    ) as told:
        world.run(second)
    assert told.value.decision is not None
    assert [one["feature"] for one in told.value.decision["stopping"]] == ["device"]
    state, verdict = world.run(second, "anomalies.accept=[device:DRIFT]")
    assert (state, verdict["passed"]) == ("done", True)
    assert [(one["feature"], one["type"], one["value"]) for one in verdict["accepted"]] == [
        ("device", "DRIFT", pytest.approx(0.4))
    ]


def test_a_month_that_the_gate_refused_is_no_reference(world: World) -> None:
    """Else the second broken month in a row would pass."""
    broken = statistics(rows(devices=SHIFTED))
    world.run(world.data("first", {1: statistics(rows())}))
    with pytest.raises(DataGateError, match="span 1"):
        world.run(world.data("second", {2: broken}))
    with pytest.raises(DataGateError, match="span 1"):
        world.run(world.data("third", {3: broken}))
    assert world.run(world.data("mended", {3: statistics(rows())}))[1]["drift"]["reference"] == "span 1 (1,000 rows)"


def test_an_accepted_month_is_the_next_ones_reference(world: World) -> None:
    changed = statistics(rows(devices=SHIFTED))
    world.run(world.data("first", {1: statistics(rows())}))
    world.run(world.data("second", {2: changed}), "anomalies.accept=[device]")
    assert world.run(world.data("third", {3: changed}))[1]["drift"]["reference"] == "span 2 (1,000 rows)"


def test_an_earlier_runs_empty_statistics_stop(world: World) -> None:
    empty = statistics_pb2.DatasetFeatureStatisticsList()
    empty.datasets.add()
    world.run(
        world.data("first", {1: empty}), "anomalies.drift={linf: null, ks: null, missing: null, label_rate: null}"
    )
    with pytest.raises(DataGateError, match=r"span 1 \(.*\): is empty: its statistics are over 0 rows"):
        world.run(world.data("second", {2: statistics(rows())}))


def test_statistics_that_were_removed_from_disk_are_told(world: World) -> None:
    world.run(world.data("first", {1: statistics(rows())}))
    shutil.rmtree(world.root / "pipeline_root" / "Upstream" / "span_statistics")
    second = world.data("second", {2: statistics(rows())})
    state, verdict = world.run(second)
    assert (state, verdict["drift"]["state"]) == ("done", "unchecked")
    assert verdict["drift"]["reason"] == (
        "no earlier span than span 2; statistics that 1 earlier runs left are no longer on disk"
    )
    with pytest.raises(DataGateError, match=r"anomalies\.require_reference"):
        world.run(second, "anomalies.require_reference=true")


def test_another_pipelines_spans_are_no_reference(world: World) -> None:
    world.run(world.data("first", {1: statistics(rows(devices=SHIFTED))}), name="other")
    _, verdict = world.run(world.data("second", {2: statistics(rows())}))
    assert verdict["drift"]["state"] == "unchecked"


def test_new_bytes_of_served_statistics_rerun_the_gate(world: World) -> None:
    data = world.data("first", {1: statistics(rows())})
    file = world.root / "served.pb"
    setting = f"anomalies.serving_statistics={file}"
    with pytest.raises(DataGateError, match=r"skew: the statistics of serving .*: cannot be read: No such file"):
        world.run(data, setting)
    file.write_bytes(statistics(rows()).SerializeToString())
    state, verdict = world.run(data, setting)
    assert (state, verdict["skew"]["state"]) == ("done", "checked")
    assert world.run(data, setting)[0] == "cached"
    file.write_bytes(statistics(rows(devices=SHIFTED)).SerializeToString())
    with pytest.raises(DataGateError, match=r"skew of feature 'device': .*accept it with --accept device:SKEW"):
        world.run(data, setting)


def test_the_tables_agree() -> None:
    """gate_data.TABLE is what the settings here say."""
    from gate_data import TABLE

    assert World.settings().features == FeatureTable.model_validate(TABLE.model_dump())
