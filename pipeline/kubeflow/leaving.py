"""What a run leaves below the pipeline root, for later runs and for people.

On one machine ML Metadata and the runner keep these; a container has neither.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from adclick.errors import DataGateError
from adclick.filesystem import join, read_bytes, replace_bytes
from pipeline.kubeflow.executor_input import ArtifactLists
from pipeline.kubeflow.launcher_paths import uri_of

REFERENCES = "gate_references"
"""Statistics by span of data that the gate let pass: what the next span is compared with."""
REPORTS = "reports"
"""By run id: summary.json, thumbnails.json and index.html, as `adclick run` leaves them."""
PRODUCERS = {
    "examples": ("AdExampleGen", "examples"),
    "ingest_report": ("AdExampleGen", "ingest_report"),
    "creative_store": ("CreativeGen", "creative_store"),
    "span_statistics": ("StatisticsGen", "span_statistics"),
    "verdict": ("AnomalyGate", "verdict"),
    "model": ("CreativeTrainer", "model"),
    "model_run": ("CreativeTrainer", "model_run"),
    "baseline": ("ServedModel", "baseline"),
    "evaluation_result": ("ServedBaselineEvaluator", "evaluation"),
    "blessing": ("ServedBaselineEvaluator", "blessing"),
    "infra_blessing": ("ServingCanary", "infra_blessing"),
    "pushed_model": ("AtomicPusher", "pushed_model"),
}
"""Component and output key behind the inputs of RunReport and AnomalyGate."""


class Surroundings(NamedTuple):
    """What a container is told of its run."""

    node_id: str
    run_id: str
    state_root: str
    model_folder: str


def reference_root(state_root: str) -> str:
    """Folder of the gate's references."""
    return join(state_root, REFERENCES)


def keep_references(inputs: ArtifactLists, at: Surroundings) -> None:
    """The spans that the gate let pass; of several runs over the same span the last counts."""
    from components.anomaly_gate.statistics_files import spans_below

    for artifact in inputs.get("span_statistics", []):
        for span, file in spans_below(artifact.uri).items():
            replace_bytes(join(reference_root(at.state_root), f"span-{span}/FeatureStats.pb"), read_bytes(file))


def keep_best_values(outputs: ArtifactLists, at: Surroundings) -> None:
    """A search's best values beside the run's report, for `tuner.best` of later ones."""
    from adclick.tuning_report import TUNED_FILE, publish_best, tuning_part

    found = {"CreativeTuner": {"tuner_results": outputs["tuner_results"][0].uri}}
    summary = {"tuning": tuning_part(found, None, None, ""), "pushed_version": None}
    with tempfile.TemporaryDirectory() as scratch:
        publish_best(summary, Path(scratch), Path(scratch))
        replace_bytes(join(_report_folder(at), TUNED_FILE), (Path(scratch) / TUNED_FILE).read_bytes())


def publish_report(
    inputs: ArtifactLists, outputs: ArtifactLists, at: Surroundings, stopped: DataGateError | None = None
) -> str:
    """The run's summary and page; returns the text for the log. `stopped`: why the run ends here."""
    from adclick.report_files import thumbnails_of
    from adclick.run_report import RunFacts, complete_summary, publish, verdict_text

    found: dict[str, dict[str, str]] = {}
    for key, artifacts in inputs.items():
        if key in PRODUCERS and artifacts:
            node, output = PRODUCERS[key]
            found.setdefault(node, {})[output] = artifacts[0].uri
    if stopped is None:
        found[at.node_id] = {key: artifacts[0].uri for key, artifacts in outputs.items()}
    states = dict.fromkeys(found, "done") | ({at.node_id: "failed"} if stopped else {})
    with tempfile.TemporaryDirectory() as scratch:
        facts = RunFacts(at.run_id, {}, states, Path(scratch), at.model_folder)
        summary = complete_summary(facts, found, stopped)
        summary["lineage"]["artifacts"] = _named(summary["lineage"]["artifacts"])
        folder = publish(summary, Path(scratch), thumbnails_of(found)).parent
        target = _report_folder(at)
        for file in folder.iterdir():
            replace_bytes(join(target, file.name), file.read_bytes())
    told = "" if stopped else f"{verdict_text(summary)}\n\n"
    return f"{told}report     {join(target, 'index.html')}"


def _report_folder(at: Surroundings) -> str:
    return join(join(at.state_root, REPORTS), at.run_id)


def _named(artifacts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """URIs in place of the local copies' paths."""
    return {node: {key: uri_of(path) for key, path in found.items()} for node, found in artifacts.items()}
