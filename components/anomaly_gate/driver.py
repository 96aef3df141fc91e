"""Looks before each run what the data is to be compared with: an earlier run's newest span, and served requests."""

from __future__ import annotations

from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.types import artifact_utils

from adclick.filesystem import content_digest
from components.anomaly_gate.statistics_files import spans_below
from components.artifacts import SpanStatistics
from components.drivers import REFERENCE_ROOT, ObservingDriver
from configs.anomalies import AnomalyLimits


class AnomalyGateDriver(ObservingDriver):
    """Adds the newest earlier span, where the run itself read one span only, and the served statistics' digest."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """`reference_uri` is empty where there is no earlier span; `reference_note` then says what is known of it."""
        seen: dict[str, str | int] = {"reference_uri": "", "reference_span": 0, "reference_note": ""}
        if inputs.get("span_statistics"):
            artifact = artifact_utils.get_single_instance(list(inputs["span_statistics"]))
            spans = spans_below(artifact.uri)
            kept = properties.get(REFERENCE_ROOT)
            if len(spans) == 1 and kept:
                seen |= _newest_before(spans_below(kept), min(spans))
            elif len(spans) == 1:
                seen |= _earlier_span(self._metadata_handle, artifact.id, min(spans))
        limits = AnomalyLimits.model_validate_json(properties["anomaly_limits"])
        served = limits.serving_statistics
        return {**seen, "serving_digest": content_digest([served], [served]) if served else ""}


def _newest_before(files: dict[int, str], span: int) -> dict[str, str | int]:
    earlier = [number for number in files if number < span]
    return {"reference_uri": files[max(earlier)], "reference_span": max(earlier)} if earlier else {}


def _earlier_span(metadata: Metadata, artifact_id: int, span: int) -> dict[str, str | int]:
    """The newest span below `span` that the gate let pass in this pipeline; of several files the latest run's."""
    with metadata as handle:
        contexts = handle.store.get_contexts_by_artifact(artifact_id)
        pipelines = [context for context in contexts if context.type == "pipeline"]
        artifacts = {one.id: one for context in pipelines for one in handle.store.get_artifacts_by_context(context.id)}
        passed = _passed(handle.store, [one.id for one in artifacts.values() if one.type == SpanStatistics.TYPE_NAME])
    left = [one for one in artifacts.values() if one.id in passed and one.state == metadata_store_pb2.Artifact.LIVE]
    files = {one.id: spans_below(one.uri) for one in left}
    found = [(number, id_, uri) for id_, spans in files.items() for number, uri in spans.items() if number < span]
    if found:
        number, _, uri = max(found)
        return {"reference_uri": uri, "reference_span": number}
    gone = sum(not spans for spans in files.values())
    return {"reference_note": f"statistics that {gone} earlier runs left are no longer on disk" if gone else ""}


def _passed(store: MetadataStore, artifact_ids: list[int]) -> set[int]:
    """Which of the artifacts a gate took and did not stop at: a refused month is no reference for the next."""
    if not artifact_ids:
        return set()
    read = [one for one in store.get_events_by_artifact_ids(artifact_ids) if one.type == metadata_store_pb2.Event.INPUT]
    ended = {
        one.id
        for one in store.get_executions_by_id({event.execution_id for event in read})
        if one.type.endswith(".AnomalyGate") and execution_lib.is_execution_successful(one)
    }
    return {event.artifact_id for event in read if event.execution_id in ended}
