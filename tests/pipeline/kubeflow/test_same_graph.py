"""The same settings give the same graph here and on a cluster: both are held against one golden file.

After an intended change: python tests/pipeline/kubeflow/test_same_graph.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_settings import CLUSTER
from graph_variants import VARIANTS
from tfx.types.channel import BaseChannel

from configs.kubeflow import COMPONENTS
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.create import create_pipeline
from pipeline.kubeflow.compile import compiled
from pipeline.locations import locations

GOLDEN = Path(__file__).with_name("same_graph.json")
Graph = dict[str, Any]


def settings_of(overrides: list[str]) -> Settings:
    """Local runs pass over what they say of a cluster, so that one settings object serves both."""
    return load_settings(None, [*CLUSTER, *overrides])


def local_graph(settings: Settings, output_root: Path) -> Graph:
    """Of each node: whom it waits for; type and producer of each input; type of each output."""
    places = locations(settings.model_copy(update={"output_root": str(output_root)}))

    def edge(channel: BaseChannel) -> str:
        return f"{channel.type_name} from {channel.producer_component_id}.{channel.output_key}"

    return {
        node.id: {
            "after": sorted(upstream.id for upstream in node.upstream_nodes),
            "inputs": {key: edge(channel) for key, channel in sorted(node.inputs.items())},
            "outputs": {key: channel.type_name for key, channel in sorted(node.outputs.items())},
        }
        for node in create_pipeline(settings, places).components
    }


def compiled_graph(spec: dict[str, Any]) -> Graph:
    """The same, read from the compiled file's first document."""

    def kind(artifact: dict[str, Any]) -> str:
        return str(yaml.safe_load(artifact["artifactType"]["instanceSchema"])["title"]).removeprefix("tfx.")

    graph = {}
    for name, task in spec["root"]["dag"]["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        taken = component.get("inputDefinitions", {}).get("artifacts", {})
        inputs = {}
        for key, given in sorted(task["inputs"].get("artifacts", {}).items()):
            source = given["taskOutputArtifact"]
            inputs[key] = f"{kind(taken[key])} from {source['producerTask']}.{source['outputArtifactKey']}"
        outputs = component["outputDefinitions"]["artifacts"]
        graph[name] = {
            "after": sorted(task.get("dependentTasks", [])),
            "inputs": inputs,
            "outputs": {key: kind(one) for key, one in sorted(outputs.items())},
        }
    return graph


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_golden_graph_holds_for_both(variant: str, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert list(golden) == list(VARIANTS)
    settings = settings_of(VARIANTS[variant])
    assert local_graph(settings, tmp_path) == golden[variant]
    assert compiled_graph(compiled(settings).spec) == golden[variant]


def test_the_settings_know_every_node() -> None:
    """kubeflow.components takes these names and no others."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {node for graph in golden.values() for node in graph} == set(COMPONENTS)


if __name__ == "__main__":
    made = {name: compiled_graph(compiled(settings_of(words)).spec) for name, words in VARIANTS.items()}
    GOLDEN.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
