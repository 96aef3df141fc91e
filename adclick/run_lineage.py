"""Where a run's model comes from: artifacts, code and digest; and what its components took."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adclick

if TYPE_CHECKING:
    from configs.features import FeatureTable
    from pipeline.resource_use import ResourceUse

Outputs = Mapping[str, Mapping[str, str]]
"""Artifact URIs by component and output key."""
ROOT = Path(__file__).resolve().parent.parent
GIT_TIMEOUT_S = 5


def lineage(outputs: Outputs, model_folder: str, version: int | None) -> dict[str, Any]:
    """`lineage` of the summary: artifacts by component, the code that ran, the pushed model's digest."""
    return {
        "artifacts": {node: dict(found) for node, found in outputs.items() if found},
        "code": {"version": adclick.__version__, "fingerprint": _fingerprint(), "commit": git_commit(ROOT)},
        "model_digest": _digest(model_folder, version),
    }


def component_resources(used: Mapping[str, ResourceUse], outputs: Outputs) -> dict[str, dict[str, float | None]]:
    """`component_resources` of the summary. `output_bytes`: what lies below the component's artifacts."""
    if not used:
        return {}
    from pipeline.resource_use import bytes_below

    return {
        node: {
            "cpu_s": use.cpu_s,
            "peak_rss_mb": use.peak_rss_mb,
            "output_bytes": bytes_below(outputs.get(node, {}).values()),
        }
        for node, use in used.items()
    }


def stopped_evidence(outputs: Outputs, gate: Mapping[str, Any] | None, table: FeatureTable) -> dict[str, Any]:
    """`evidence` of a run that ended before RunReport, from the artifacts that it left."""
    from components.run_report.evidence import Sources, evidence, kinds

    sources = Sources(
        ingest_report=outputs.get("AdExampleGen", {}).get("ingest_report", ""),
        creative_store=outputs.get("CreativeGen", {}).get("creative_store", ""),
        span_statistics=outputs.get("StatisticsGen", {}).get("span_statistics", ""),
        earlier_statistics=gate["drift"]["reference_uri"] if gate else "",
        model_run=outputs.get("CreativeTrainer", {}).get("model_run", ""),
    )
    return evidence(sources, kinds(table), None)


def git_commit(folder: Path) -> str | None:
    """The checked-out commit, with `+` where files were changed since; None where this is no checkout."""
    if not (folder / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=folder, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _fingerprint() -> str:
    from pipeline.code_fingerprint import code_fingerprint

    return code_fingerprint("pipeline.create")


def _digest(model_folder: str, version: int | None) -> str | None:
    if version is None:
        return None
    from components.pusher.versions import read_record

    record = read_record(model_folder, version)
    return record.model_digest if record is not None else None
