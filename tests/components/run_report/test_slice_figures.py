"""Metrics by slice."""

from __future__ import annotations

import numpy as np

from components.run_report.slice_figures import MOST_SLICES, slice_figures

SCORES = {"label": np.array([1.0, 0, 1, 0, 1]), "candidate": np.array([0.9, 0.2, 0.3, 0.4, 0.5])}
DEVICE = np.array(["a", "a", "b", "b", ""])


def test_each_slice_has_its_own_metrics() -> None:
    """a: the click is above, AUC 1; b: below, AUC 0; one row without a value has one class, so no AUC."""
    found = slice_figures(("device",), [DEVICE], SCORES)
    assert [(one["value"], one["rows"], one["clicks"], one["metrics"]["auc"]) for one in found["slices"]] == [
        ("a", 2, 1, 1.0),
        ("b", 2, 1, 0.0),
        ("", 1, 1, None),
    ]
    assert (found["columns"], found["left_out"]) == (["device"], 0)
    assert found["slices"][0]["baseline"] is None


def test_rows_of_several_impressions_show_their_clicks() -> None:
    """a: 10 · 0.3 + 20 · 0.1 = 5 clicks of two rows."""
    scores = {**SCORES, "label": np.array([0.3, 0.1, 1, 0, 1]), "weight": np.array([10.0, 20, 1, 1, 1])}
    (first, *_) = slice_figures(("device",), [DEVICE], scores)["slices"]
    assert (first["value"], first["rows"], first["clicks"]) == ("a", 2, 5)


def test_crossed_columns_and_the_baseline() -> None:
    where = np.array(["x", "x", "x", "y", "y"])
    found = slice_figures(("device", "where"), [DEVICE, where], {**SCORES, "baseline": 1 - SCORES["candidate"]})
    assert {one["value"] for one in found["slices"]} == {"a · x", "b · x", "b · y", " · y"}
    first = next(one for one in found["slices"] if one["value"] == "a · x")
    assert (first["metrics"]["auc"], first["baseline"]["auc"]) == (1.0, 0.0)


def test_a_slice_without_weight_is_left_out() -> None:
    found = slice_figures(("device",), [DEVICE], {**SCORES, "weight": np.array([1.0, 1, 1, 1, 0])})
    assert ([one["value"] for one in found["slices"]], found["left_out"]) == (["a", "b"], 1)


def test_only_the_largest_are_shown() -> None:
    values = np.array([str(n) for n in range(MOST_SLICES + 5)] * 2)
    scores = {"label": np.tile([1.0, 0.0], MOST_SLICES + 5), "candidate": np.linspace(0.1, 0.9, len(values))}
    found = slice_figures(("device",), [values], scores)
    assert (len(found["slices"]), found["left_out"]) == (MOST_SLICES, 5)
