"""Publishes a run's summary under reports/ and says on the terminal what came of it."""

from __future__ import annotations

import contextlib
import json
import platform
import resource
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from adclick.filesystem import exists, join, read_bytes
from adclick.gate_report import gate_lines, gate_of
from adclick.quality_report import bound_lines, decision_line
from adclick.report_files import THUMBNAILS_FILE, draw_or_say_why
from adclick.run_lineage import component_resources, lineage, stopped_evidence
from adclick.stack import installed_versions
from adclick.tuning_report import tuning_lines, tuning_part

if TYPE_CHECKING:
    from configs.best_values import Reused
    from configs.settings import Settings
    from pipeline.resource_use import ResourceUse

PUSHED, NOT_BLESSED = 0, 3
SAVED_MODEL = "Format-Serving"
"""Folder within a Model artifact; as tfx/utils/path_utils.py has it, whose import takes seconds."""
PACKAGES = {"tfx": "tfx", "tensorflow": "tensorflow", "beam": "apache-beam"}


class RunFacts(NamedTuple):
    """What only the runner knows."""

    run_id: str
    component_seconds: dict[str, float]
    component_states: dict[str, str]
    logs: Path
    model_folder: str
    component_resources: Mapping[str, ResourceUse] = MappingProxyType({})
    settings: Settings | None = None
    reused: Reused | None = None
    """An earlier search's values that `settings` have."""
    not_reused: str = ""
    """Why they have not, where there are any."""


def complete_summary(
    facts: RunFacts, outputs: Mapping[str, Mapping[str, str]], stopped: Exception | None
) -> dict[str, Any]:
    """summary.json: what RunReport wrote, or as much of it as a stopped run left, with the runner's facts.

    `outputs`: artifact URIs by component and output key.
    """
    summary: dict[str, Any]
    if "summary" in outputs.get("RunReport", {}):
        summary = json.loads(read_bytes(join(outputs["RunReport"]["summary"], "summary.json")))
        _check_still_served(summary, facts.model_folder)
        _note_forced(summary, facts.model_folder, outputs.get("CreativeTrainer", {}).get("model", ""))
    else:
        summary = _stopped_summary(outputs, stopped)
        if facts.settings is not None:
            with contextlib.suppress(OSError):  # an artifact that is gone must not hide why the run stopped
                summary["evidence"] = stopped_evidence(outputs, summary["gate"], facts.settings.features)
    found = installed_versions(PACKAGES.values())
    peaks = [use.peak_rss_mb for use in facts.component_resources.values() if use.peak_rss_mb is not None]
    peak_kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "run_id": facts.run_id,
        **summary,
        "tuning": tuning_part(outputs, facts.settings, facts.reused, facts.not_reused),
        "component_seconds": {node: round(seconds, 3) for node, seconds in facts.component_seconds.items()},
        "component_states": facts.component_states,
        "component_resources": component_resources(facts.component_resources, outputs),
        "peak_rss_mb": max(round(peak_kib / 1024, 1), *peaks, 0.0),  # the meter sets the process's own peak back
        "lineage": lineage(outputs, facts.model_folder, summary["pushed_version"]),
        "settings": None if facts.settings is None else facts.settings.model_dump(mode="json", by_alias=True),
        "versions": {
            "python": platform.python_version(),
            **{name: found[one] for name, one in PACKAGES.items()},
        },
    }


def _stopped_summary(outputs: Mapping[str, Mapping[str, str]], stopped: Exception | None) -> dict[str, Any]:
    rows = splits = None
    report = outputs.get("AdExampleGen", {}).get("ingest_report")
    if report:
        counts = json.loads(read_bytes(join(report, "counts.json")))
        rows, splits = counts["rows"], counts["splits"]
    creatives = None
    store = outputs.get("CreativeGen", {}).get("creative_store")
    if store:
        from components.run_report.summary import creatives_part

        creatives = creatives_part(json.loads(read_bytes(join(store, "counts.json"))))
    return {
        "rows": rows,
        "splits": splits,
        "creatives": creatives,
        **gate_of(outputs, stopped),
        "metrics": None,
        "baseline": None,
        "verdict": {
            "blessed": False,
            "reasons": [str(stopped) or type(stopped).__name__],
            "bounds": [],
            "compared": False,
            "confidence": None,
            "slices_too_small": {"count": 0, "largest": []},
            "force": None,
            "in_service_by_force": None,
            "canary": None,
        },
        "pushed_version": None,
        "slices": [],
        "slices_left_out": 0,
        "difference": None,
        "removed_versions": [],
        "bayes_auc": None,
        "truth": None,
    }


def _check_still_served(summary: dict[str, Any], model_folder: str) -> None:
    """A cached push counts only while its version is there, or is in service as the copy that an operator promoted."""
    from components.pusher.history import WITHDRAWN, last_event, read_history
    from components.pusher.versions import in_service, read_record, withdrawn_versions

    version = summary["pushed_version"]
    if version is None:
        return
    served = in_service(model_folder)
    record = read_record(model_folder, served) if served is not None else None
    if record is not None and record.promoted_from == version:
        summary["pushed_version"] = served
        return
    if exists(join(model_folder, f"{version}/saved_model.pb")):
        return
    summary["pushed_version"] = None
    reason = f"version {version}, pushed by an earlier run, "
    if version in withdrawn_versions(model_folder):
        event = last_event(read_history(model_folder), version, WITHDRAWN)
        told = f" by {event.who} on {event.at} ({event.reason})" if event else ""
        reason += f"was withdrawn{told}; `adclick models promote {version}` puts it back into service, "
    else:
        reason += f"is no longer in {model_folder}; "
    summary["verdict"]["reasons"].append(f"{reason}--fresh trains and pushes again")


def _note_forced(summary: dict[str, Any], model_folder: str, model_uri: str) -> None:
    """A model that the gate refuses may be in service by the word of an operator, given to an earlier run."""
    from components.pusher.versions import in_service, model_digest, read_record

    verdict = summary["verdict"]
    canary = verdict.get("canary")
    if verdict["blessed"] or not model_uri or (canary is not None and canary["state"] == "refused"):
        return
    served = in_service(model_folder)
    record = read_record(model_folder, served) if served is not None else None
    if record is None or record.force_reason is None:
        return
    if record.model_digest == model_digest(join(model_uri, SAVED_MODEL)):
        summary["pushed_version"] = served
        verdict["in_service_by_force"] = {"reason": record.force_reason, "who": record.forced_by}


def publish(summary: dict[str, Any], reports: Path, thumbnails: bytes | None = None) -> Path:
    """Writes summary.json, the page and its pictures to reports/<run_id>/ and points reports/latest there.

    Returns the summary's file. A page that cannot be drawn costs no verdict: `index.html` then says why.
    """
    run_id = str(summary["run_id"])
    folder = reports / run_id
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "summary.json"
    file.write_text(json.dumps(summary, indent=1, ensure_ascii=False), encoding="utf-8")
    if thumbnails is not None:
        (folder / THUMBNAILS_FILE).write_bytes(thumbnails)
    draw_or_say_why(folder)
    link = reports / f".latest-{run_id}"
    link.unlink(missing_ok=True)
    link.symlink_to(run_id)
    link.replace(reports / "latest")
    return file


def exit_status(summary: dict[str, Any]) -> int:
    """Of a run that reached its end."""
    return PUSHED if summary["pushed_version"] is not None else NOT_BLESSED


def verdict_text(summary: dict[str, Any]) -> str:
    """What was read, measured, compared and decided, for a person."""
    rows, metrics, creatives = summary["rows"], summary["metrics"], summary["creatives"]
    rejected = sum(rows["rejected"].values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in rows["rejected"].items())
    lines = [
        f"rows       {rows['read']:,} read, {rows['written']:,} written, {rejected:,} rejected"
        + (f" ({reasons})" if reasons else ""),
        f"splits     {summary['splits']['train']:,} to train on, {summary['splits']['eval']:,} to evaluate on",
    ]
    if creatives["distinct"]:
        unusable = ", ".join(f"{creatives[key]} {key}" for key in ("missing", "corrupt", "rejected"))
        lines.append(f"creatives  {creatives['distinct']:,} distinct, {creatives['stored']:,} stored, {unusable}")
    lines += [*gate_lines(summary), *tuning_lines(summary), "", *_metric_lines(metrics, summary["baseline"])]
    if summary["truth"]:
        truth = summary["truth"]
        lines.append(
            f"best possible AUC on these rows {truth['bayes_auc']:.4f} (simulated data); "
            f"share reached {truth['share']:.3f}, with the labels drawn {truth['share_with_labels']:.3f}"
        )
    lines += ["", *bound_lines(summary["verdict"])]
    lines += [*canary_lines(summary["verdict"].get("canary")), ""]
    removed = ", ".join(map(str, summary.get("removed_versions", [])))
    pushed = summary["verdict"]["blessed"] and summary["pushed_version"] is not None
    if pushed and removed and summary["component_states"]["AtomicPusher"] == "done":
        lines.append(f"removed    old versions {removed} (push.keep_versions)")
    lines.append(decision_line(summary))
    return "\n".join(lines)


def _metric_lines(metrics: dict[str, Any], baseline: dict[str, Any] | None) -> list[str]:
    names = {
        "auc": "AUC",
        "log_loss": "log loss",
        "normalized_entropy": "normalized entropy",
        "calibration_ratio": "calibration ratio",
        "ece": "expected calibration error",
        "lift_at_10pct": "lift at 10 %",
        "mean_label": "mean label",
        "mean_prediction": "mean prediction",
    }
    heading = f"{'':27}{'candidate':>10}" + (f"{'in service':>12}" if baseline else "   (no model in service yet)")
    served = baseline["metrics"] if baseline else {}
    return [heading] + [
        f"{label:27}{_figure(metrics[key]):>10}" + (f"{_figure(served[key]):>12}" if baseline else "")
        for key, label in names.items()
    ]


def canary_lines(canary: dict[str, Any] | None) -> list[str]:
    """What the serving canary found; nothing where it is switched off."""
    if canary is None:
        return []
    if not canary["checks"]:
        return [f"  {canary['state']}  serving canary: {canary['reason']}"]
    return [_check_line(check) for check in canary["checks"]]


def _check_line(check: dict[str, Any]) -> str:
    held = "held  " if check["held"] else "FAILED"
    name = f"  {held}  served, {check['name']}"
    if check["value"] is None:
        return f"{name}: {check['detail']}"
    unit = f" {check['unit']}" if check["unit"] else ""
    rows = "" if check["rows"] == 1 else f" of {check['rows']:,} rows"
    return f"{name}: {check['measure']}{rows} {_brief(check['value'])}{unit} ≤ {check['bound']:g}{unit}"


def _brief(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
