"""Parts of summary.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.evaluator.measuring import as_json, measure
from components.evaluator.slices import slicings
from components.run_report import summary
from components.run_report.summary import verdict_part

SCORES = {"label": np.array([1.0, 0.0, 1.0, 0.0]), "candidate": np.array([0.8, 0.4, 0.4, 0.2])}
IDS = np.array([b"a", b"b", b"c", b"d"], object)


def test_rows_and_splits_come_from_the_ingest() -> None:
    counts = {
        "rows": {"read": 3, "written": 2, "rejected": {"bad_label": 1}},
        "splits": {"train": 1, "eval": 1},
        "spans": [1],
        "files": {"m.csv": {"read": 3, "written": 2, "rejected": 1}},
        "eval_from_s": 7,
        "unknown_columns": [],
    }
    part = summary.rows_part(counts)
    assert part == {key: counts[key] for key in ("rows", "splits", "spans", "files")}


def test_creatives_add_up() -> None:
    """20 distinct: 12 stored, 3 missing, 1 + 1 corrupt or empty, 2 + 1 refused."""
    unusable = {"missing": 3, "corrupt": 1, "empty_file": 1, "bad_format": 2, "too_many_pixels": 1}
    assert summary.creatives_part({"distinct": 20, "stored": 12, "unusable": unusable}) == {
        "distinct": 20,
        "stored": 12,
        "missing": 3,
        "corrupt": 2,
        "rejected": 3,
    }
    assert unusable["missing"] == 3
    assert set(summary.creatives_part(None).values()) == {0}


def overall(scores: dict[str, np.ndarray[Any, np.dtype[np.float64]]]) -> dict[str, Any]:
    """What the evaluator leaves of all rows together."""
    return json.loads(json.dumps(as_json(measure(scores, slicings({}, [], 4)))[0]))  # type: ignore[no-any-return]  # json has no types


def test_metrics_with_and_without_a_baseline() -> None:
    """3.5 of the 4 pairs of a click and a non-click are in order, see test_truth_by_hand; of the opposite ½."""
    alone = summary.metrics_part(overall(SCORES), 0)
    assert alone["baseline"] is None
    assert alone["metrics"]["auc"] == 3.5 / 4
    assert alone["metrics"]["auc_low"] < 3.5 / 4 <= alone["metrics"]["auc_high"]
    assert (alone["metrics"]["count"], alone["metrics"]["weight"]) == (4, 4.0)
    both = summary.metrics_part(overall({**SCORES, "baseline": 1 - SCORES["candidate"]}), 17)
    assert both["metrics"] == alone["metrics"]
    assert both["baseline"]["version"] == 17
    assert both["baseline"]["metrics"]["auc"] == 0.5 / 4


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    (tmp_path / "month-1.csv").write_text("impression_id,click_probability\na,0.9\nb,0.1\nx,0.5\n")
    (tmp_path / "month-2.csv").write_text("impression_id,click_probability\nc,0.6\nd,0.2\n")
    return tmp_path


def test_truth_by_hand(truth: Path) -> None:
    """Probabilities 0.9, 0.1, 0.6, 0.2 of rows a … d with labels 1, 0, 1, 0: they rank every click above.

    The model ties b and c: 3.5 of 4 pairs. With probabilities as labels a pair (i, j) weighs p_i (1 − p_j), and pairs
    i = j tie. Clicks weigh 0.9 + 0.1 + 0.6 + 0.2 = 1.8, others 2.2, in all 3.96.
    Truth's order a c d b: 0.9 (0.4 + 0.8 + 0.9) + 0.6 (0.8 + 0.9) + 0.2 (0.9) = 3.09,
    ties ½ (0.09 + 0.09 + 0.24 + 0.16) = 0.29: 3.38 / 3.96.
    Model's order a (b c) d: 0.9 (0.9 + 0.4 + 0.8) + (0.1 + 0.6) 0.8 = 2.45,
    ties ½ (0.09 + (0.1 + 0.6)(0.9 + 0.4) + 0.16) = 0.58: 3.03 / 3.96.
    """
    part = summary.truth_part(str(truth), [1, 2], IDS, SCORES)
    assert part is not None
    best, model = 3.38 / 3.96, 3.03 / 3.96
    assert part["bayes_auc"] == 1.0
    assert part["bayes_auc_true_probability"] == pytest.approx(best)
    assert part["auc_true_probability"] == pytest.approx(model)
    assert part["share"] == pytest.approx((model - 0.5) / (best - 0.5))
    assert part["share_with_labels"] == pytest.approx((3.5 / 4 - 0.5) / 0.5)
    assert part["calibration_ratio_true_probability"] == pytest.approx((1.8 / 4) / (1.8 / 4))


def test_truth_that_is_not_known_is_none(truth: Path) -> None:
    assert summary.truth_part(str(truth), [1, 3], IDS, SCORES) is None  # no file of month 3
    assert summary.truth_part(str(truth), [1], IDS, SCORES) is None  # no row of c and d
    one_class = {**SCORES, "label": np.zeros(4)}
    assert summary.truth_part(str(truth), [1, 2], IDS, one_class) is None


def test_json_keeps_signs_and_refuses_what_is_no_number() -> None:
    assert json.loads(summary.dump({"relation": "≥"})) == {"relation": "≥"}
    assert "≥".encode() in summary.dump({"relation": "≥"})
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        summary.dump({"auc": float("nan")})


def check(**changes: Any) -> dict[str, Any]:
    found = {"name": "new creative", "rows": 1, "measure": "difference", "value": 2e-8, "bound": 1e-6, "unit": ""}
    return {**found, "held": True, "detail": "", **changes}


def gate(**changes: Any) -> dict[str, Any]:
    bound = {"name": "AUC", "value": 0.6, "relation": "≥", "bound": 0.5, "held": True}
    found = {"blessed": True, "passed": True, "reasons": [], "compared": True, "confidence": 0.95, "bounds": [bound]}
    return {**found, "slices_too_small": {"count": 0, "largest": []}, "force": None, **changes}


def test_a_canary_that_passed_leaves_the_gates_word() -> None:
    canary = {"state": "passed", "reason": "", "checks": [check()]}
    assert verdict_part(gate(), canary, "") == {
        "blessed": True,
        "reasons": [],
        "bounds": gate()["bounds"],
        "compared": True,
        "confidence": 0.95,
        "slices_too_small": {"count": 0, "largest": []},
        "force": None,
        "canary": canary,
    }
    assert verdict_part(gate(), None, "")["canary"] is None


def test_a_canary_that_refused_says_each_reason() -> None:
    apart = check(value=0.00123, held=False)
    broken = check(name="largest batch", value=None, held=False, detail="REST predict: HTTP 413: too large")
    late = check(name="latency over REST", measure="p99", value=312.4, bound=250.0, unit="ms", held=False)
    refused = {"state": "refused", "reason": "", "checks": [check(), apart, broken, late]}
    found = verdict_part(gate(), refused, "")
    assert not found["blessed"]
    assert found["reasons"] == [
        "serving canary: new creative: difference 0.00123 is not ≤ 1e-06",
        "serving canary: largest batch: REST predict: HTTP 413: too large",
        "serving canary: latency over REST: p99 312 ms is not ≤ 250 ms, see canary.max_p99_ms",
    ]
    unserved = {"state": "refused", "reason": "TensorFlow cannot load the model", "checks": []}
    assert verdict_part(gate(), unserved, "")["reasons"] == ["serving canary: TensorFlow cannot load the model"]


def test_a_canary_that_was_skipped_adds_no_reason() -> None:
    skipped = {"state": "skipped", "reason": "the evaluation refused the model", "checks": []}
    refused = gate(blessed=False, passed=False, reasons=["AUC 0.4000 is not ≥ 0.5"])
    found = verdict_part(refused, skipped, "")
    assert (found["blessed"], found["reasons"]) == (False, ["AUC 0.4000 is not ≥ 0.5"])


def test_a_forced_model_keeps_the_reason_and_what_was_overruled() -> None:
    force = {"reason": "a day of clicks is missing", "who": "ada", "at": "2026-01-31T08:00:00+00:00"}
    found = verdict_part(gate(passed=False, reasons=["AUC 0.4000 is not ≥ 0.5"], force=force), None, "")
    assert (found["blessed"], found["reasons"]) == (True, [])
    assert found["force"] == {**force, "overruled": ["AUC 0.4000 is not ≥ 0.5"]}


def test_a_forced_model_still_has_to_be_served() -> None:
    force = {"reason": "hurry", "who": "ada", "at": "2026-01-31T08:00:00+00:00"}
    unserved = {"state": "refused", "reason": "TensorFlow cannot load the model", "checks": []}
    found = verdict_part(gate(passed=False, reasons=["late"], force=force), unserved, "")
    assert (found["blessed"], found["reasons"]) == (False, ["serving canary: TensorFlow cannot load the model"])


def test_a_blessed_model_that_was_not_pushed_says_why() -> None:
    found = verdict_part(gate(), None, "the model is that of version 7, which was withdrawn")
    assert (found["blessed"], found["reasons"]) == (True, ["the model is that of version 7, which was withdrawn"])


def test_numbers_of_an_artifacts_property() -> None:
    assert (summary.numbers("3,14"), summary.numbers(""), summary.numbers(None)) == ([3, 14], [], [])


def test_the_largest_slices_are_kept_and_the_rest_is_counted() -> None:
    def one(count: int, **more: Any) -> dict[str, Any]:
        return {"slice": {"device": str(count)}, "count": count, **more}

    change = {"auc": {"value": 0.01, "low": 0.0, "high": 0.02}}
    part = summary.slices_part([one(9, difference=change), one(2), one(3), one(4)], most=2)
    assert [entry["count"] for entry in part["slices"]] == [3, 4]
    assert (part["slices_left_out"], part["difference"]) == (1, change)
    assert summary.slices_part([one(9)]) == {"slices": [], "slices_left_out": 0, "difference": None}
