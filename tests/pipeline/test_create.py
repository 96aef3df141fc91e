"""The graph against golden lists of nodes, edges and artifact types: a change of shape is seen in review.

After an intended change: python tests/pipeline/test_create.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from graph_variants import VARIANTS

from configs.loading import load_settings
from pipeline.create import create_pipeline
from pipeline.locations import locations

GOLDEN = Path(__file__).with_name("graph.json")


def graph(overrides: list[str], output_root: str) -> dict[str, Any]:
    """Of each node, in order: whom it waits for, and the types under its input and output keys."""
    settings = load_settings(None, [*overrides, f"output_root={output_root}"])
    pipeline = create_pipeline(settings, locations(settings))
    return {
        node.id: {
            "after": sorted(upstream.id for upstream in node.upstream_nodes),
            "inputs": {key: channel.type_name for key, channel in sorted(node.inputs.items())},
            "outputs": {key: channel.type_name for key, channel in sorted(node.outputs.items())},
        }
        for node in pipeline.components
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_graph_is_the_golden_one(variant: str, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(golden) == list(VARIANTS)
    assert graph(VARIANTS[variant], str(tmp_path)) == golden[variant]


def test_the_gate_comes_before_anything_is_trained() -> None:
    nodes = json.loads(GOLDEN.read_text(encoding="utf-8"))["base"]

    def before(name: str) -> set[str]:
        return set(nodes[name]["after"]).union(*(before(other) for other in nodes[name]["after"]))

    assert {"AnomalyGate", "ExampleValidator"} <= before("Transform")
    assert "ServedModel" in before("ServedBaselineEvaluator")
    assert "ServedBaselineEvaluator" in before("ServingCanary")
    assert "ServingCanary" in before("AtomicPusher")
    assert before("RunReport") == set(nodes) - {"RunReport"}


def test_nodes_know_the_settings_they_depend_on_and_no_others(tmp_path: Path) -> None:
    """What is not in a node's properties cannot make the cache miss, and must not."""

    def properties(*overrides: str) -> dict[str, dict[str, Any]]:
        settings = load_settings(None, [*overrides, f"output_root={tmp_path}"])
        return {node.id: node.exec_properties for node in create_pipeline(settings, locations(settings)).components}

    base = properties()

    def changed(*overrides: str) -> set[str]:
        other = properties(*overrides)
        return {node for node in base if other[node] != base[node]}

    assert changed("trainer.epochs=3") == {"CreativeTrainer"}
    assert changed("tuner.trials=3", "tuner.reuse=false") == set()
    assert changed("data.spans=latest") == {"AdExampleGen"}
    assert changed("creatives.max_unusable_share=0.5") == {"AnomalyGate"}
    assert changed("data.limits.max_rejected_share=0.5") == {"AnomalyGate"}
    assert changed("anomalies.drift.linf=0.5") == {"AnomalyGate"}
    assert changed("anomalies.accept=[device:DRIFT]") == {"AnomalyGate"}
    assert changed("data.limits.min_rows=5") == {"AdExampleGen", "AnomalyGate"}
    assert changed("creatives.image_px=32") == {"CreativeGen", "CreativeTrainer"}
    assert changed("evaluation.bounds.min_auc=0.6") == {"ServedBaselineEvaluator", "RunReport"}
    assert changed("evaluation.slice_bounds.min_rows=9") == {"ServedBaselineEvaluator", "RunReport"}
    assert changed("evaluation.baseline=http://models:8501") == {"ServedModel", "RunReport"}
    assert changed("data.negative_sampling_rate=0.1") == {"CreativeTrainer", "ServedBaselineEvaluator"}
    assert changed("canary.max_p99_ms=100") == {"ServingCanary"}
    assert changed("push.model_name=other") == {"ServedModel", "ServingCanary", "AtomicPusher"}
    assert changed("push.keep_versions=9") == {"AtomicPusher"}


def test_a_forced_blessing_is_an_evaluation_of_its_own(tmp_path: Path) -> None:
    """So that the cache neither forgets the force nor keeps it for the next run."""
    settings = load_settings(None, [f"output_root={tmp_path}"])
    forced = create_pipeline(settings, locations(settings), force_bless="clicks are missing").components
    plain = create_pipeline(settings, locations(settings)).components
    other = [a.id for a, b in zip(forced, plain, strict=True) if a.exec_properties != b.exec_properties]
    assert other == ["ServedBaselineEvaluator"]


def test_a_search_depends_on_what_it_searches_and_on_nothing_else(tmp_path: Path) -> None:
    def properties(*overrides: str) -> dict[str, Any]:
        settings = load_settings(None, ["tuner.enabled=true", *overrides, f"output_root={tmp_path}"])
        nodes = create_pipeline(settings, locations(settings)).components
        return next(node.exec_properties for node in nodes if node.id == "CreativeTuner")

    base = properties()
    assert properties("tuner.reuse=false", "tuner.best=x.yaml", "push.keep_versions=9") == base
    for override in ("tuner.trials=3", "tuner.seed=8", "trainer.epochs=3", "model.dropout=0.2"):
        assert properties(override) != base
    assert properties("tuner.space={model.dropout: {min: 0.0, max: 0.3}}") != base


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        graphs = {variant: graph(overrides, folder) for variant, overrides in VARIANTS.items()}
    GOLDEN.write_text(json.dumps(graphs, indent=1) + "\n", encoding="utf-8")
