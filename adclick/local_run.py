"""From settings to a published summary: the part of `adclick run` that needs TFX."""

from __future__ import annotations

import traceback
from pathlib import Path

from adclick.errors import AdclickError
from adclick.garbage import no_collection
from adclick.progress import LiveProgress, PlainProgress
from adclick.redirection import output_to
from adclick.report_files import PAGE_FILE, thumbnails_of
from adclick.run_report import RunFacts, complete_summary, exit_status, publish, verdict_text
from adclick.stores import is_remote
from adclick.tuning_report import publish_best
from configs.best_values import Reused
from configs.settings import Settings
from pipeline.local_runner import NodeResult, run_pipeline
from pipeline.locations import Locations
from pipeline.mirror import Mirror


class _Recorder:
    """Passes on what it hears, and remembers it for the summary."""

    def __init__(self, progress: LiveProgress | PlainProgress) -> None:
        self._progress = progress
        self.results: dict[str, NodeResult] = {}

    def planned(self, node_ids: list[str]) -> None:
        self._progress.planned(node_ids)

    def started(self, node_id: str) -> None:
        self._progress.started(node_id)

    def noted(self, node_id: str, text: str) -> None:
        self._progress.noted(node_id, text)

    def finished(self, result: NodeResult) -> None:
        self.results[result.node_id] = result
        self._progress.finished(result)


def run_to_summary(
    settings: Settings,
    places: Locations,
    run_id: str,
    logs: Path,
    progress: LiveProgress | PlainProgress,
    fresh: bool,
    force_bless: str = "",
    reused: Reused | None = None,
    not_reused: str = "",
) -> tuple[int, str]:
    """Exit status and the text for the terminal. `reused`: the earlier search's values that `settings` have.

    Raises AdclickError for a run that stopped; its summary is published all the same.
    """
    recorder = _Recorder(progress)
    stopped: Exception | None = None
    try:
        with output_to(logs / "00-start.log"), no_collection():
            from pipeline.create import create_pipeline

            pipeline = create_pipeline(settings, places, enable_cache=not fresh, force_bless=force_bless)
        run_pipeline(pipeline, run_id, logs, recorder, Mirror(places.mirror))
    except Exception as error:
        stopped = error
    results = recorder.results
    facts = RunFacts(
        run_id,
        {node: result.seconds for node, result in results.items()},
        {node: result.state for node, result in results.items()},
        logs,
        places.model_folder,
        {node: result.use for node, result in results.items() if result.use is not None},
        settings,
        reused,
        not_reused,
    )
    outputs = {node: result.outputs for node, result in results.items()}
    summary = complete_summary(facts, outputs, stopped)
    file = publish(summary, places.reports, thumbnails_of(outputs))
    publish_best(summary, file.parent, places.tuning)
    if isinstance(stopped, AdclickError):
        raise type(stopped)(f"{stopped}\n  summary: {file}\n  report: {file.with_name(PAGE_FILE)}")
    if stopped is not None:
        failed = next((result for result in results.values() if result.state == "failed"), None)
        log = failed.log if failed else logs / "00-start.log"
        with log.open("a", encoding="utf-8") as stream:
            traceback.print_exception(stopped, file=stream)
        name = failed.node_id if failed else "the pipeline's construction"
        detail = str(stopped).strip().splitlines() or [type(stopped).__name__]
        raise AdclickError(
            f"{name} failed: {type(stopped).__name__}: {detail[0][:300]}\n  its log: {log}\n  summary: {file}\n"
            f"  report: {file.with_name(PAGE_FILE)}\n"
            "  run the same command again to go on from there once the cause is mended"
        ) from stopped
    text = f"{verdict_text(summary)}\n\nreport     {file.with_name(PAGE_FILE)}\nsummary    {file}"
    return exit_status(summary), f"\n{text}\n{_next_step(settings, places)}"


def _next_step(settings: Settings, places: Locations) -> str:
    if is_remote(places.model_folder):
        return f"next       docs/serving.md says how a server gets at {places.model_folder}"
    if settings.push.root:
        return f"next       let TF Serving watch {places.model_folder}"
    serve = f"adclick serve --output-root {places.output_root} --model-name {settings.push.model_name}"
    return f"next       {serve}\nthen       adclick predict ROWS.csv --image-root {settings.image_root}"
