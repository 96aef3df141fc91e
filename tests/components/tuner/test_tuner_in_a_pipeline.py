"""Tuner and Trainer as the runner starts them: real ML Metadata, real cache, real images, two trials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared import Prepared
from tensorflow.python.framework import config as framework_config  # only here can determinism be switched off again
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from adclick.errors import AdclickError
from benchmarks.peers.quality_training import prepare, transform
from components.trainer.component import CreativeTrainer
from components.tuner.component import CreativeTuner
from configs.best_values import inputs_fingerprint
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.local_runner import NodeResult, run_pipeline
from pipeline.table_schema import write_schema
from simulator.population import Size
from simulator.simulation import simulate

SMALL = (
    "creatives.image_px=32",
    "model.image_tower.filters=[4]",
    "trainer.epochs=1",
    "trainer.min_steps=0",
    "trainer.refit=false",
    "tuner.enabled=true",
    "tuner.trials=2",
    "tuner.algorithm=random",
    "tuner.space={model.deep_units: {choices: [[32], [8, 4]]}}",
)


class Noted:
    """What was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def planned(self, node_ids: list[str]) -> None: ...
    def started(self, node_id: str) -> None: ...
    def finished(self, result: NodeResult) -> None: ...
    def noted(self, node_id: str, text: str) -> None:
        self.lines.append(f"{node_id} {text}")


class World:
    """An output root, and a prepared folder of upstream artifacts."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0
        simulate(Size(impressions=500, creatives=12, months=1, users=50, seed=3), root / "sample")
        settings = self.settings()
        prepared = prepare(settings, root / "prepared")
        self.upstream = root / "upstream"
        self.upstream.mkdir()
        transformed = transform(settings, prepared, self._made("transformed"))
        for split in ("train", "eval"):
            (transformed / split).rename(self._made("upstream/transformed_examples") / f"Split-{split}")
        (transformed / "graph").rename(self.upstream / "transform_graph")
        assert prepared.store is not None
        prepared.store.rename(self.upstream / "creative_store")
        schema = write_schema(settings.schema_source, settings.features, root / "schemas")
        Path(schema).rename(self._made("upstream/schema") / "schema.pbtxt")

    def _made(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    def settings(self, *overrides: str) -> Settings:
        return load_settings(None, [f"data.root={self.root / 'sample' / 'data'}", *SMALL, *overrides])

    def run(self, *overrides: str) -> tuple[dict[str, NodeResult], list[str]]:
        """What became of the components, and what they told."""
        settings = self.settings(*overrides)
        upstream = Prepared(self.upstream)
        inputs = [upstream.outputs[key] for key in ("transformed_examples", "transform_graph", "schema")]
        store = upstream.outputs["creative_store"]
        tuner = CreativeTuner(*inputs, store, settings, self.root / "tuning" / "unfinished", "code")
        best = tuner.outputs["best_hyperparameters"]
        pipeline = Pipeline(
            pipeline_name="tuning",
            pipeline_root=str(self.root / "pipeline_root"),
            components=[upstream, tuner, CreativeTrainer(*inputs, store, settings, "code", best)],
            enable_cache=True,
            metadata_connection_config=sqlite_metadata_connection_config(str(self.root / "metadata.db")),
        )
        self.runs += 1
        noted = Noted()
        return run_pipeline(pipeline, f"run-{self.runs}", self._made("logs"), noted), noted.lines


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield World(tmp_path_factory.mktemp("tuning"))
    framework_config.disable_op_determinism()


def read(result: NodeResult, key: str, file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(result.outputs[key]) / file).read_text(encoding="utf-8"))
    return loaded


def test_the_best_trials_values_are_trained_with_and_everything_is_cached_afterwards(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    results, told = world.run()
    tuner, trainer = results["CreativeTuner"], results["CreativeTrainer"]
    document = read(tuner, "tuner_results", "trials.json")
    first, second = document["trials"]
    assert (first["values"], first["own"]) == ({"model.deep_units": [32]}, True)
    assert first["log_loss"] == document["own_log_loss"]
    assert second["values"] in ({"model.deep_units": [32]}, {"model.deep_units": [8, 4]})
    best = min(document["trials"], key=lambda trial: float(trial["log_loss"]))
    assert (document["values"], document["trial"]) == (best["values"], best["trial"])
    assert (document["run_id"], document["kind"]) == ("run-1", "dcn_v2")
    assert document["inputs"] == inputs_fingerprint(world.settings().features)
    training = read(trainer, "model_run", "training.json")
    assert training["tuned"] == best["values"]
    assert document["measured_rows"] == round(0.2 * training["rows"])
    config = read(tuner, "best_hyperparameters", "best_hyperparameters.txt")
    assert json.loads(config["values"]["model.deep_units"]) == best["values"]["model.deep_units"]

    assert [line.split(":")[0] for line in told] == [
        "CreativeTuner 2 trials, random",
        "CreativeTuner trial 1/2",
        "CreativeTuner trial 2/2",
        "CreativeTuner best",
    ]
    printed = capsys.readouterr().out  # the component's log
    assert all(line.removeprefix("CreativeTuner ") in printed for line in told)
    assert not (world.root / "tuning" / "unfinished").exists()

    again, told = world.run("tuner.reuse=false")
    assert {result.state for result in again.values()} == {"cached"}
    assert told == []


def test_a_search_that_finds_nothing_stops_the_run_before_the_training(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        AdclickError, match=r"all 2 trials of the tuner failed; the first: FileNotFoundError: .*nowhere"
    ):
        world.run(f"trainer.warm_start={world.root / 'nowhere'}")
    assert "Traceback (most recent call last)" in capsys.readouterr().out
