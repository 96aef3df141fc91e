"""What containers leave below the pipeline root; the gate's references are in tests/components/anomaly_gate."""

from __future__ import annotations

import json
from pathlib import Path

from tfx.types.standard_artifacts import TunerResults

from configs.best_values import inputs_fingerprint, read_best
from configs.loading import load_settings
from pipeline.kubeflow.leaving import PRODUCERS, Surroundings, keep_best_values
from pipeline.kubeflow.places import cluster_places


def test_a_search_leaves_values_that_a_later_compilation_takes_up(tmp_path: Path) -> None:
    document = {
        "run_id": "run-1",
        "at": "2026-01-31T08:05:00+00:00",
        "algorithm": "random",
        "seed": 7,
        "measured_rows": 500,
        "kind": "dcn_v2",
        "inputs": inputs_fingerprint(load_settings().features),
        "values": {"trainer.epochs": 3},
        "trial": 1,
        "log_loss": 0.25,
        "own_log_loss": 0.26,
        "trials": [{"trial": 1}],
    }
    (tmp_path / "trials.json").write_text(json.dumps(document))
    results = TunerResults()
    results.uri = str(tmp_path)
    at = Surroundings("CreativeTuner", "run-1", str(tmp_path / "state"), "/models/adclick")
    keep_best_values({"tuner_results": [results]}, at)
    best = read_best(tmp_path / "state" / "reports" / "run-1" / "tuned.yaml")
    assert best.values == {"trainer.epochs": 3}
    assert best.found.log_loss == 0.25


def test_the_reports_inputs_are_known_by_their_producers(tmp_path: Path) -> None:
    """Else a part of the report would be missing without a word."""
    from cluster_settings import CLUSTER

    from pipeline.create import create_pipeline

    settings = load_settings(None, CLUSTER)
    nodes = {node.id: node for node in create_pipeline(settings, cluster_places(settings)).components}
    produced = {
        key: (channel.producer_component_id, channel.output_key) for key, channel in nodes["RunReport"].inputs.items()
    }
    assert produced == PRODUCERS
    gate = {
        key: (channel.producer_component_id, channel.output_key) for key, channel in nodes["AnomalyGate"].inputs.items()
    }
    assert gate.items() & PRODUCERS.items() == {(key, PRODUCERS[key]) for key in gate.keys() & PRODUCERS.keys()}
