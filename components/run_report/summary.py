"""The run in figures, from what its components left."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from adclick.filesystem import join, read_bytes
from components.creative_gen.image_checks import UnusableCode

TRUTH_KEY = "impression_id"
SLICES_KEPT = 200


def rows_part(counts: dict[str, Any]) -> dict[str, Any]:
    """`rows` and `splits` of the summary, from an ingest report's counts.json."""
    return {
        "rows": counts["rows"],
        "splits": counts["splits"],
        "spans": counts["spans"],
        "files": counts["files"],
    }


def creatives_part(counts: dict[str, Any] | None) -> dict[str, int]:
    """`creatives` of the summary, from a store's counts.json."""
    if counts is None:
        return {"distinct": 0, "stored": 0, "missing": 0, "corrupt": 0, "rejected": 0}
    unusable: dict[str, int] = dict(counts["unusable"])
    missing = unusable.pop(UnusableCode.MISSING.value, 0)
    corrupt = sum(unusable.pop(code.value, 0) for code in (UnusableCode.CORRUPT, UnusableCode.EMPTY_FILE))
    return {
        "distinct": counts["distinct"],
        "stored": counts["stored"],
        "missing": missing,
        "corrupt": corrupt,
        "rejected": sum(unusable.values()),
    }


def gate_part(verdict: dict[str, Any]) -> dict[str, Any]:
    """`anomalies` and `gate` of the summary, from AnomalyGate's verdict."""
    anomalies = [{**one, "decision": key} for key in ("stopping", "accepted", "noted") for one in verdict[key]]
    gate = {key: verdict[key] for key in ("passed", "checks", "unused_accept", "drift", "skew")}
    return {"anomalies": anomalies, "gate": gate}


def metrics_part(overall: dict[str, Any], baseline_version: int) -> dict[str, Any]:
    """`metrics` and `baseline` of the summary, from the first entry of the evaluator's click_metrics.json."""

    def figures(model: str) -> dict[str, Any]:
        found = overall[model]
        values = {name: one["value"] for name, one in found.items()}
        ends = {"auc_low": found["auc"]["low"], "auc_high": found["auc"]["high"]}
        return {**values, **ends, "count": overall["count"], "weight": overall["weight"]}

    compared = {"version": baseline_version, "metrics": figures("baseline")} if "baseline" in overall else None
    return {"metrics": figures("candidate"), "baseline": compared}


def slices_part(measured: list[dict[str, Any]], most: int = SLICES_KEPT) -> dict[str, Any]:
    """`slices`, `slices_left_out` and `difference` of the summary, from the evaluator's click_metrics.json.

    The `most` slices with the most rows, in their order, since a column of nearly unique values has as many as rows.
    `difference` is of all rows, which come first: candidate − baseline with its 95 % interval; None without a baseline.
    """
    overall, *slices = measured
    largest = sorted(range(len(slices)), key=lambda index: -slices[index]["count"])[:most]
    return {
        "slices": [slices[index] for index in sorted(largest)],
        "slices_left_out": len(slices) - len(largest),
        "difference": overall.get("difference"),
    }


def verdict_part(gate: dict[str, Any], canary: dict[str, Any] | None, not_pushed: str) -> dict[str, Any]:
    """`verdict` of the summary. A model is blessed where both the gate and, if there is one, the canary bless it.

    `gate`: the quality gate's verdict; `canary`: the serving canary's. `not_pushed`: why a blessed model was not
    pushed.
    """
    blessed = gate["blessed"]
    reasons = [] if blessed else list(gate["reasons"])
    if blessed and canary is not None:
        reasons += canary_reasons(canary)
    if not_pushed:
        reasons.append(not_pushed)
    return {
        "blessed": blessed and (canary is None or canary["state"] == "passed"),
        "reasons": reasons,
        "bounds": gate["bounds"],
        "compared": gate["compared"],
        "confidence": gate["confidence"],
        "slices_too_small": gate["slices_too_small"],
        "force": None if gate["force"] is None else {**gate["force"], "overruled": gate["reasons"]},
        "canary": canary,
    }


def canary_reasons(canary: dict[str, Any]) -> list[str]:
    """Why the serving canary refused, if it did; the latency's with the setting that it is measured by."""
    if canary["state"] == "passed":
        return []
    if not canary["checks"]:
        return [f"serving canary: {canary['reason']}"]
    return [f"serving canary: {_canary_reason(check)}" for check in canary["checks"] if not check["held"]]


def _canary_reason(check: dict[str, Any]) -> str:
    if check["value"] is None:
        return f"{check['name']}: {check['detail']}"
    unit = f" {check['unit']}" if check["unit"] else ""
    mend = ", see canary.max_p99_ms" if check["unit"] else ""
    return f"{check['name']}: {check['measure']} {check['value']:.3g}{unit} is not ≤ {check['bound']:g}{unit}{mend}"


def numbers(text: str | None) -> list[int]:
    """Of a list with commas between them."""
    return [int(one) for one in (text or "").split(",") if one]


def truth_part(
    truth_uri: str, spans: list[int], ids: npt.NDArray[np.generic], scores: dict[str, npt.NDArray[np.float64]]
) -> dict[str, float] | None:
    """How close the model comes to the best possible, on simulated data.

    None where a row's truth is not known, or where the rows have one class only.

    `bayes_auc` ranks by the true probability against the labels drawn. `share` is (AUC − 0.5) / (Bayes AUC − 0.5) with
    true probabilities in place of labels, so that luck in the draw does not decide; `share_with_labels` has the labels.
    """
    from simulator.truth import auc, soft_auc

    known: dict[bytes, float] = {}
    for span in spans:
        try:
            text = read_bytes(join(truth_uri, f"month-{span}.csv")).decode("utf-8")
        except FileNotFoundError:
            return None
        for row in csv.DictReader(io.StringIO(text)):
            known[row[TRUTH_KEY].encode()] = float(row["click_probability"])
    if any(one not in known for one in ids):
        return None
    probability = np.array([known[one] for one in ids])
    label, candidate = scores["label"], scores["candidate"]
    if len(np.unique(label)) < 2:
        return None
    bayes, model = auc(label, probability), auc(label, candidate)
    soft_bayes, soft_model = soft_auc(probability, probability), soft_auc(probability, candidate)
    return {
        "bayes_auc": bayes,
        "bayes_auc_true_probability": soft_bayes,
        "auc_true_probability": soft_model,
        "share": (soft_model - 0.5) / (soft_bayes - 0.5),
        "share_with_labels": (model - 0.5) / (bayes - 0.5),
        "calibration_ratio_true_probability": float(candidate.mean() / probability.mean()),
    }


def dump(summary: dict[str, Any]) -> bytes:
    """summary.json's bytes."""
    return json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False).encode()
