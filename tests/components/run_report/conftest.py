"""A summary with everything that a report can show, made by the functions that make it in a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluator.measuring import as_json, measure
from components.evaluator.slices import encode, slicings
from components.example_gen.rejects import REJECT_COLUMNS, csv_bytes
from components.run_report.evidence import EvalRows, Sources, evidence
from components.run_report.summary import metrics_part, rows_part, slices_part
from configs.settings import Settings

Write = Callable[..., Any]
ROWS = 2000
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def scores() -> dict[str, npt.NDArray[np.float64]]:
    """Labels drawn from known probabilities; the candidate sees them with some noise, the baseline with more."""
    random = np.random.default_rng(5)
    logit = random.normal(-2.0, 1.0, ROWS)

    def sigmoid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-values)), np.float64)

    return {
        "label": (random.random(ROWS) < sigmoid(logit)).astype(np.float64),
        "candidate": sigmoid(logit + random.normal(0, 0.3, ROWS)),
        "baseline": sigmoid(logit + random.normal(0, 0.9, ROWS)),
    }


def number(name: str, low: float, high: float, counts: list[int], missing: int) -> statistics_pb2.FeatureNameStatistics:
    """A number's statistics with buckets of equal width."""
    feature = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.FLOAT)
    feature.path.step.append(name)
    feature.num_stats.common_stats.num_non_missing = sum(counts)
    feature.num_stats.common_stats.num_missing = missing
    feature.num_stats.mean, feature.num_stats.std_dev = (low + high) / 2, 1.5
    feature.num_stats.min, feature.num_stats.median, feature.num_stats.max = low, (low + high) / 2, high
    histogram = feature.num_stats.histograms.add(type=statistics_pb2.Histogram.STANDARD)
    edges = np.linspace(low, high, len(counts) + 1)
    for index, count in enumerate(counts):
        histogram.buckets.add(low_value=edges[index], high_value=edges[index + 1], sample_count=count)
    return feature


def string(name: str, counts: dict[str, int], missing: int) -> statistics_pb2.FeatureNameStatistics:
    """A string's statistics."""
    feature = statistics_pb2.FeatureNameStatistics(type=statistics_pb2.FeatureNameStatistics.STRING)
    feature.path.step.append(name)
    feature.string_stats.common_stats.num_non_missing = sum(counts.values())
    feature.string_stats.common_stats.num_missing = missing
    feature.string_stats.unique = len(counts)
    for label, count in counts.items():
        feature.string_stats.rank_histogram.buckets.add(label=label, sample_count=count)
    return feature


def dataset(*features: statistics_pb2.FeatureNameStatistics, rows: int) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics over that many rows."""
    return statistics_pb2.DatasetFeatureStatistics(num_examples=rows, features=features)


@pytest.fixture
def statistics() -> dict[str, Write]:
    """Makers of statistics: `number`, `string` and `dataset`."""
    return {"number": number, "string": string, "dataset": dataset}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Artifacts of a small run: two spans, rejects of two reasons, one unusable image, three epochs."""
    report, store = tmp_path / "ingest_report", tmp_path / "creative_store"
    spans, run = tmp_path / "span_statistics", tmp_path / "model_run"
    for folder in (report, store, run, spans / "span-1", spans / "span-2"):
        folder.mkdir(parents=True)
    counts = {
        "rows": {"read": 2506, "written": 2500, "rejected": {"bad_label": 5, "ragged_row": 1}},
        "splits": {"train": 500, "eval": ROWS},
        "spans": [1, 2],
        "files": {"month/1.csv": {"read": 2506, "written": 2500, "rejected": 6}},
    }
    (report / "counts.json").write_text(json.dumps(counts))
    rejects = [("month/1.csv", 10 + line, "clicked", HOSTILE, "bad_label") for line in range(5)]
    rejects.append(("month/1.csv", 40, "", "a,b,c", "ragged_row"))
    (report / "rejects.csv").write_bytes(csv_bytes([REJECT_COLUMNS, *rejects]))
    (store / "counts.json").write_text(json.dumps({"distinct": 41, "stored": 40, "unusable": {"missing": 1}}))
    columns = ("path", "reason", "detail", "impressions", "first_file", "first_line")
    (store / "unusable.csv").write_bytes(csv_bytes([columns, ("images/gone.png", "missing", "", 7, "month/1.csv", 3)]))
    for span, rows, counts_of in ((1, 1000, [400, 500]), (2, 1500, [700, 800])):
        found = dataset(
            number("age", 18.0, 58.0 + 2 * span, counts_of, rows - sum(counts_of)),
            string("country", {"DE": rows // 2, "FR": rows // 4}, rows // 4),
            string("key", {f"k{n}": 1 for n in range(9)}, rows - 9),
            rows=rows,
        )
        message = statistics_pb2.DatasetFeatureStatisticsList(datasets=[found])
        (spans / f"span-{span}" / "FeatureStats.pb").write_bytes(message.SerializeToString())
    curve = [
        {"epoch": n, "train_log_loss": 0.5 - n / 20, "stopping_log_loss": 0.52 - n / 25, "seconds": 1.25}
        for n in (1, 2, 3)
    ]
    refit = [{"epoch": n, "train_log_loss": 0.5 - n / 20, "stopping_log_loss": None, "seconds": 1.5} for n in (1, 2)]
    record = {"rows": 500, "calibrating_shift": 0.01, "curve": curve, "refit": refit}
    (run / "training.json").write_text(json.dumps(record))
    return Sources(str(report), str(store), str(spans), "", str(run))


@pytest.fixture
def whole_summary(sources: Sources, scores: dict[str, npt.NDArray[np.float64]]) -> dict[str, Any]:
    """Of a run that was blessed and pushed."""
    random = np.random.default_rng(6)
    devices = random.choice(["mobile", "desktop", ""], ROWS, p=[0.6, 0.39, 0.01])
    creatives = np.array([f"images/cr_{n}.jpg".encode() for n in random.integers(0, 40, ROWS)], object)
    importance = [{"feature": "country", "auc_drop": 0.0123}, {"feature": "age", "auc_drop": 0.0456}]
    rows = EvalRows(scores, creatives, importance)
    by_device = slicings({"device": encode(pa.chunked_array([pa.array(devices)]), "device")}, [("device",)], ROWS)
    by_slice: Any = as_json(measure(scores, by_device))
    kinds = {"age": "numeric", "country": "categorical", "key": "key"}
    counts = json.loads((Path(sources.ingest_report) / "counts.json").read_text())
    measured = {**metrics_part(by_slice[0], 7), **slices_part(by_slice)}
    change = measured["metrics"]["auc"] - measured["baseline"]["metrics"]["auc"]
    bounds = [
        {"name": name, "value": value, "relation": "≥", "bound": bound, "held": True}
        for name, value, bound in (("AUC", measured["metrics"]["auc"], 0.55), ("AUC change", change, -0.005))
    ]
    check = {
        "name": "largest batch", "rows": 1000, "measure": "difference", "value": 5.9e-8, "bound": 1e-6, "unit": "",
        "held": True, "detail": "",
    }  # fmt: skip
    canary = {"state": "passed", "reason": "", "checks": [check]}
    drift = {
        "state": "checked", "reason": "", "new": "span 2 (1,500 rows)", "reference": "span 1 (1,000 rows)",
        "reference_uri": "", "measured": [
            {"feature": "age", "measure": "Kolmogorov–Smirnov distance", "formula": "", "value": 0.0321,
             "threshold": 0.1, "sampling": 0.055, "detail": "near 40", "held": True},
        ],
    }  # fmt: skip
    settings = Settings.model_validate({
        "features": [
            {"name": "age", "kind": "numeric"},
            {"name": "country", "kind": "categorical"},
            {"name": "device", "kind": "categorical"},
            {"name": "key", "kind": "key"},
            {"name": "position", "kind": "categorical"},
            {"name": "email", "kind": "key", "pii": "drop"},
            {"name": "image", "kind": "image"},
            {"name": "clicked", "kind": "label"},
        ],
        "data": {"split": {"by": "hash", "column": "key"}},
    })  # fmt: skip
    return {
        "run_id": "20260102T030405.678901Z",
        **rows_part(counts),
        "creatives": {"distinct": 41, "stored": 40, "missing": 1, "corrupt": 0, "rejected": 0},
        "anomalies": [
            {"feature": "country", "type": "unknown_value", "description": HOSTILE, "decision": "noted", "value": 0.01,
             "threshold": 0.05},
        ],
        "gate": {
            "passed": True,
            "checks": [{"name": "share of rejected rows", "value": 6 / 2506, "limit": 0.01, "held": True, "fix": "x"}],
            "unused_accept": [],
            "drift": drift,
            "skew": {"state": "off", "reason": "anomalies.serving_statistics names no file", "measured": []},
        },
        **measured,
        "verdict": {
            "blessed": True, "reasons": [], "bounds": bounds, "compared": True, "confidence": 0.95,
            "slices_too_small": {"count": 0, "largest": []}, "force": None, "canary": canary,
        },
        "pushed_version": 1_800_000_000,
        "removed_versions": [],
        "bayes_auc": None,
        "truth": None,
        "evidence": evidence(sources, kinds, rows),
        "component_seconds": {"AdExampleGen": 1.4, "CreativeTrainer": 126.967},
        "component_states": {"AdExampleGen": "cached", "CreativeTrainer": "done"},
        "component_resources": {
            "AdExampleGen": {"cpu_s": 1.1, "peak_rss_mb": 612.4, "output_bytes": 1_234_567},
            "CreativeTrainer": {"cpu_s": 201.5, "peak_rss_mb": None, "output_bytes": 999},
        },
        "peak_rss_mb": 1843.3,
        "lineage": {
            "artifacts": {"AdExampleGen": {"examples": "/data/out/examples/1"}},
            "code": {"version": "0.1.0", "fingerprint": "0123456789abcdef", "commit": None},
            "model_digest": "e1c6a00620920e2d8771b6b5bd25e13d" * 2,
        },
        "settings": settings.model_dump(mode="json", by_alias=True),
        "versions": {"python": "3.10.13", "tfx": "1.16.0", "tensorflow": "2.16.2", "beam": "2.65.0"},
    }  # fmt: skip


@pytest.fixture
def stopped_summary() -> dict[str, Any]:
    """Of a run that the data gate stopped before anything was known but its rows."""
    return {
        "run_id": "run-1",
        "rows": {"read": 10, "written": 8, "rejected": {"bad_label": 2}},
        "splits": {"train": 6, "eval": 2},
        "creatives": None,
        "anomalies": [],
        "gate": None,
        "metrics": None,
        "baseline": None,
        "verdict": {
            "blessed": False, "reasons": ["the data gate stops the run: 0.2 > 0.01"], "bounds": [], "canary": None,
        },
        "pushed_version": None,
        "removed_versions": [],
        "bayes_auc": None,
        "truth": None,
        "component_seconds": {"AdExampleGen": 1.4},
        "component_states": {"AdExampleGen": "failed"},
        "peak_rss_mb": 300.0,
        "versions": {"python": "3.10.13"},
    }  # fmt: skip
