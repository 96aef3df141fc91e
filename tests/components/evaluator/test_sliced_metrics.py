"""Metrics of many slices at once: each slice as if it were alone, and as scikit-learn has it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from click_rows import click_rows, click_slicings
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from components.evaluator.measuring import as_json, measure
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import SlicedRows

N_ROWS = 6_000


@pytest.mark.parametrize("decimals", [2, None], ids=["many ties", "no ties"])
@pytest.mark.parametrize("name", METRICS)
def test_each_slice_is_measured_as_if_it_were_alone(name: str, decimals: int | None) -> None:
    rows, metric = click_rows(N_ROWS, 3, decimals=decimals), METRICS[name]
    for slicing in click_slicings(N_ROWS, 4):
        together = SlicedRows.sort(rows["label"], rows["candidate"], rows["weight"], slicing.ids, len(slicing.keys))
        values = metric.value(together)
        for index in range(len(slicing.keys)):
            mine = slicing.ids == index
            alone = SlicedRows.sort(rows["label"][mine], rows["candidate"][mine], rows["weight"][mine])
            assert values[index] == pytest.approx(metric.value(alone)[0], abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_the_rows_is_of_no_account(name: str) -> None:
    rows = click_rows(N_ROWS, 5, decimals=2)
    shuffled = np.random.default_rng(0).permutation(N_ROWS)
    one = SlicedRows.sort(rows["label"], rows["candidate"], rows["weight"])
    other = SlicedRows.sort(*(rows[key][shuffled] for key in ("label", "candidate", "weight")))
    assert METRICS[name].value(one)[0] == pytest.approx(METRICS[name].value(other)[0], abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_of_two_is_the_row_twice(name: str) -> None:
    rows = click_rows(500, 6, decimals=2)
    times = np.random.default_rng(1).integers(0, 4, 500)
    weighted = SlicedRows.sort(rows["label"], rows["candidate"], times.astype(np.float64))
    repeated = SlicedRows.sort(np.repeat(rows["label"], times), np.repeat(rows["candidate"], times))
    assert METRICS[name].value(weighted)[0] == pytest.approx(METRICS[name].value(repeated)[0], abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_a_row_of_several_impressions_is_its_clicks_and_its_non_clicks(name: str) -> None:
    """3 clicks of 10 impressions: one row of label 0.3 and weight 10, or weight 3 clicked and weight 7 not."""
    draws = np.random.default_rng(2)
    score, impressions = draws.random(200), draws.integers(1, 20, 200).astype(np.float64)
    clicks = np.floor(impressions * score * draws.random(200))
    one = SlicedRows.sort(clicks / impressions, score, impressions)
    both = SlicedRows.sort(
        np.repeat([1.0, 0.0], 200), np.tile(score, 2), np.concatenate([clicks, impressions - clicks])
    )
    assert METRICS[name].value(one)[0] == pytest.approx(METRICS[name].value(both)[0], abs=1e-12)


def test_scikit_learn_agrees_overall_and_on_every_slice_of_100k_rows() -> None:
    n_rows = 100_000
    rows = click_rows(n_rows, 7, decimals=4)
    compared = 0
    for one in measure({key: rows[key] for key in ("label", "weight", "candidate")}, click_slicings(n_rows, 8)):
        found = one.metrics["candidate"]
        by_slice = np.argsort(one.slicing.ids, kind="stable")
        edges = np.searchsorted(one.slicing.ids[by_slice], np.arange(len(one.slicing.keys) + 1))
        for index in range(len(one.slicing.keys)):
            mine = by_slice[edges[index] : edges[index + 1]]
            label, score, weight = (rows[key][mine] for key in ("label", "candidate", "weight"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn warns of one class and answers 0 or raises
                loss = log_loss(label, score, sample_weight=weight, labels=[0, 1])
                assert found["log_loss"].value[index] == pytest.approx(loss, abs=1e-6)
                if 0 < label.sum() < len(label):
                    auc = roc_auc_score(label, score, sample_weight=weight)
                    precision = average_precision_score(label, score, sample_weight=weight)
                    assert found["auc"].value[index] == pytest.approx(auc, abs=1e-6)
                    assert found["pr_auc"].value[index] == pytest.approx(precision, abs=1e-6)
                    compared += 1
                else:
                    assert np.isnan(found["auc"].value[index])
    assert compared > 100


def test_capture_and_lift_by_hand() -> None:
    """20 rows, the top two hold one of four clicks: capture ¼, lift 2.5. By weight: row 19 counts 3 of 22, the top
    tenth is 2.2 of its weight, 2.2 of 6 weighted clicks: lift (2.2 / 6) / 0.1.
    """
    score, label, weight = np.arange(20) / 100, np.zeros(20), np.ones(20)
    label[[0, 1, 2, 19]] = 1
    rows = SlicedRows.sort(label, score)
    assert METRICS["capture_at_10pct"].value(rows)[0] == pytest.approx(0.25)
    assert METRICS["lift_at_10pct"].value(rows)[0] == pytest.approx(2.5)
    weight[19] = 3
    assert METRICS["lift_at_10pct"].value(SlicedRows.sort(label, score, weight))[0] == pytest.approx(2.2 / 6 / 0.1)


def test_average_precision_by_hand() -> None:
    """Falling scores 1 0 1: precision 1 at the first click, 2/3 at the second: (1 + 2/3) / 2."""
    rows = SlicedRows.sort(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.5, 0.1]))
    assert METRICS["pr_auc"].value(rows)[0] == pytest.approx((1 + 2 / 3) / 2)


def test_slices_of_one_class_or_no_weight_say_none_and_never_nan() -> None:
    """Slices: clicks only, non-clicks only, no weight, one row; with a baseline, so with differences too."""
    label = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1.0])
    scores = {
        "label": label,
        "weight": np.array([1, 1, 1, 1, 1, 1, 0, 0, 1.0]),
        "candidate": np.linspace(0.1, 0.9, 9),
        "baseline": np.linspace(0.9, 0.1, 9),
    }
    slicing = click_slicings(9, 0)[0]
    ids = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (one,) = measure(scores, [type(slicing)(("c",), tuple((("c", str(i)),) for i in range(4)), ids)])
        clicks, others, weightless, single = as_json([one])
    assert clicks["candidate"]["auc"] == {"value": None, "low": None, "high": None}  # type: ignore[index]
    assert others["candidate"]["calibration_ratio"]["value"] is None  # type: ignore[index]
    assert clicks["candidate"]["mean_label"]["value"] == 1.0  # type: ignore[index]
    assert all(found["value"] is None for found in weightless["candidate"].values())  # type: ignore[attr-defined]
    assert weightless["count"] == 2
    assert single["difference"]["log_loss"]["low"] is None  # type: ignore[index]
