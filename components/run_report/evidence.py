"""What the report shows beside the summary's figures, as far as the run's artifacts have it: `evidence`.

A part whose artifact is not there is None, so that the page can say what is missing, and of a run that stopped early
there is as much as it left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from adclick.filesystem import exists, join, read_bytes
from components.run_report.creative_ranking import creative_ranking
from components.run_report.reject_examples import reject_examples, unusable_examples
from components.run_report.score_curves import curves
from configs.features import FeatureTable

PARTS = ("rejects", "unusable_creatives", "features", "training", "curves", "creatives", "importance")
TRAINING_FILE = "training.json"


class Sources(NamedTuple):
    """URIs of artifacts; "" for one that is not there."""

    ingest_report: str = ""
    creative_store: str = ""
    span_statistics: str = ""
    earlier_statistics: str = ""
    """File of the span that drift was measured against, where it is of an earlier run."""
    model_run: str = ""


class EvalRows(NamedTuple):
    """The evaluation rows, in the order of the evaluator's scores."""

    scores: Mapping[str, npt.NDArray[np.float64]]
    """As in scores.npz."""
    creatives: npt.NDArray[Any] | None
    """Path of each row's creative as bytes, [rows]; None without images."""
    importance: list[dict[str, Any]] | None
    """Of each feature for these rows, see importance.py; None where it is not known."""


def evidence(sources: Sources, kind_of: Mapping[str, str], rows: EvalRows | None) -> dict[str, Any]:
    """`kind_of`: each feature's kind in the feature table. `rows`: None where nothing was evaluated."""
    found: dict[str, Any] = dict.fromkeys(PARTS)
    if sources.ingest_report:
        counts = json.loads(read_bytes(join(sources.ingest_report, "counts.json")))
        found["rejects"] = reject_examples(sources.ingest_report, counts["rows"]["rejected"])
    if sources.creative_store:
        counts = json.loads(read_bytes(join(sources.creative_store, "counts.json")))
        found["unusable_creatives"] = unusable_examples(sources.creative_store, counts["unusable"])
    if sources.span_statistics:
        found["features"] = _features(sources, kind_of)
    if sources.model_run and exists(join(sources.model_run, TRAINING_FILE)):
        found["training"] = json.loads(read_bytes(join(sources.model_run, TRAINING_FILE)))
    if rows is not None:
        found |= _evaluated(rows)
    return found


def kinds(table: FeatureTable) -> dict[str, str]:
    """Each feature's kind."""
    return {feature.name: feature.kind for feature in table}


def _features(sources: Sources, kind_of: Mapping[str, str]) -> dict[str, Any] | None:
    from components.anomaly_gate.statistics_files import StatisticsError, read_statistics, spans_below
    from components.run_report.feature_statistics import feature_statistics

    spans = spans_below(sources.span_statistics)
    if not spans:
        return None
    newest, *others = sorted(spans, reverse=True)
    before = spans[others[0]] if others else sources.earlier_statistics
    try:
        newest_rows = read_statistics(spans[newest])
    except StatisticsError:
        return None
    try:
        previous = read_statistics(before) if before else None
    except StatisticsError:
        previous = None
    return {
        "span": newest,
        "previous_span": others[0] if others else None,
        "features": feature_statistics(newest_rows, previous, lambda name: kind_of.get(name, "")),
    }


def _evaluated(rows: EvalRows) -> dict[str, Any]:
    label, weight = rows.scores["label"], rows.scores.get("weight")
    models = [name for name in ("candidate", "baseline") if name in rows.scores]
    return {
        "curves": {name: curves(label, rows.scores[name], weight) for name in models},
        "creatives": None
        if rows.creatives is None
        else creative_ranking(rows.creatives, label, rows.scores["candidate"], weight),
        "importance": rows.importance,
    }
