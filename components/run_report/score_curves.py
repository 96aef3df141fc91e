"""Curves of the evaluation rows, thinned to what a chart can show: points are exact, only their number is small."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.calibration import ECE_BINS, ece_bins
from components.evaluator.sliced_rows import SlicedRows, ratio, sums
from components.evaluator.wilson import wilson_interval

FloatArray = npt.NDArray[np.float64]
POINTS = 100
HISTOGRAM_BINS = 40


def curves(label: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> dict[str, Any]:
    """Of one model: label in [0, 1], score in (0, 1), weight ≥ 0; all [rows].

    `roc`, `precision_recall` and `gains` are None where the rows have one class only.
    """
    weights = np.ones_like(score) if weight is None else weight
    both = 0 < float((weights * label).sum()) < float(weights.sum())
    return {
        "roc": roc(label, score, weights) if both else None,
        "precision_recall": precision_recall(label, score, weights) if both else None,
        "gains": gains(label, score, weights) if both else None,
        "reliability": reliability(label, score, weights),
        "histogram": histogram(label, score, weights),
    }


def roc(label: FloatArray, score: FloatArray, weight: FloatArray) -> dict[str, list[float]]:
    """Share of the non-clicks and of the clicks above each of some thresholds (Fawcett 2006)."""
    clicks, others = _cumulative(label, score, weight)
    kept = _thinned(clicks / clicks[-1] + others / others[-1])
    return {
        "false_positive_rate": _list(others[kept] / others[-1]),
        "true_positive_rate": _list(clicks[kept] / clicks[-1]),
    }


def precision_recall(label: FloatArray, score: FloatArray, weight: FloatArray) -> dict[str, list[float]]:
    """Click rate above each of some thresholds, by the share of the clicks that lie there."""
    clicks, others = _cumulative(label, score, weight)
    kept = _thinned(clicks / clicks[-1])
    kept = kept[clicks[kept] + others[kept] > 0]
    return {
        "recall": _list(clicks[kept] / clicks[-1]),
        "precision": _list(clicks[kept] / (clicks[kept] + others[kept])),
    }


def gains(label: FloatArray, score: FloatArray, weight: FloatArray) -> dict[str, list[float]]:
    """Share of the clicks among the rows with the highest scores, and that as a multiple of chance (lift)."""
    clicks, others = _cumulative(label, score, weight)
    rows = (clicks + others) / (clicks[-1] + others[-1])
    kept = _thinned(rows)
    captured = clicks[kept] / clicks[-1]
    lift = np.divide(captured, rows[kept], out=np.zeros_like(captured), where=rows[kept] > 0)
    return {"share_of_rows": _list(rows[kept]), "share_of_clicks": _list(captured), "lift": _list(lift)}


def reliability(label: FloatArray, score: FloatArray, weight: FloatArray) -> list[dict[str, float]]:
    """The bins of the expected calibration error that hold any weight: mean score beside observed click rate.

    `low` and `high`: Wilson's 95 % interval of the rate, with the number of rows of weight 1 that would spread as these
    do; where all are clicked or none is, with Kish's.
    """
    rows = SlicedRows.sort(label, score, weight)
    number = ece_bins(rows)

    def total(values: FloatArray) -> FloatArray:
        return sums(number, values, ECE_BINS)

    weights, counts = total(rows.weight), np.bincount(number, minlength=ECE_BINS)
    rates, means = ratio(total(rows.positive), weights), ratio(total(rows.weight * rows.score), weights)
    spread, squares = total((rows.weight * (rows.label - rates[number])) ** 2), total(rows.weight**2)
    bins = []
    for one in np.flatnonzero(weights > 0).tolist():
        rate = float(rates[one])
        alike = rate * (1 - rate) / spread[one] if spread[one] > 0 else 1 / squares[one]
        effective = float(weights[one] ** 2 * alike)
        low, high = wilson_interval(rate * effective, effective)
        bins.append({
            "mean_prediction": _short(float(means[one])), "mean_label": _short(rate), "low": _short(low),
            "high": _short(high), "rows": int(counts[one]),
        })  # fmt: skip
    return bins


def histogram(label: FloatArray, score: FloatArray, weight: FloatArray) -> dict[str, Any]:
    """Share of the clicks, and of the non-clicks, by score. The last bin takes the highest 0.1 % of the scores too."""
    top = float(np.quantile(score, 0.999)) if len(score) else 1.0
    edges = np.linspace(0.0, max(top, 1e-9), HISTOGRAM_BINS + 1)
    clipped = np.clip(score, 0.0, edges[-1])
    shares = {}
    for name, weights in (("clicks", weight * label), ("others", weight * (1 - label))):
        counts, _ = np.histogram(clipped, edges, weights=weights)
        total = counts.sum()
        shares[name] = _list(counts / total) if total else None
    return {"edges": _list(edges), **shares}


def _cumulative(label: FloatArray, score: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weight of clicks and of non-clicks at or above each distinct score, highest first, beginning with none."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    clicks, others = np.cumsum((weight * label)[order])[ends], np.cumsum((weight * (1 - label))[order])[ends]
    return np.concatenate(([0.0], clicks)), np.concatenate(([0.0], others))


def _thinned(along: FloatArray) -> npt.NDArray[np.intp]:
    """Indices of about POINTS values spread evenly over an ascending quantity, both ends included."""
    wanted = np.linspace(along[0], along[-1], POINTS + 1)
    last = len(along) - 1
    found = np.concatenate(([0], np.searchsorted(along, wanted).clip(max=last), [last]))
    return np.unique(found.astype(np.intp))


def _list(values: FloatArray) -> list[float]:
    return [_short(float(value)) for value in values]


def _short(value: float) -> float:
    return float(f"{value:.6g}")
