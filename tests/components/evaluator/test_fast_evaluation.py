"""The fast route's files, read by TFMA's own loaders, and its numbers, against stock TFMA on Beam."""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.evaluator import greatest_difference, values_of
from benchmarks.peers.evaluator_rows import SLICE_COLUMNS, rows_of
from benchmarks.peers.evaluator_rows import config_of as config_of_columns
from components.evaluator.fast_evaluation import UnknownMetricError, evaluate
from components.evaluator.measuring import Measured, measure
from components.evaluator.slices import encode, slicings

FEW = {"device": 3, "site": 12}


def config_of() -> Any:
    return config_of_columns(FEW)


def measured_rows(n_rows: int, sizes: dict[str, int] = FEW, baseline: bool = True) -> list[Measured]:
    rows = rows_of(n_rows, sizes)
    scores = {name: one for name, one in rows.scores.items() if baseline or name != "baseline"}
    encoded = {name: encode(pa.chunked_array([pa.array(rows.columns[name])]), name) for name in sizes}
    return measure(scores, slicings(encoded, [(name,) for name in sizes], n_rows))


def stock(folder: Path, n_rows: int, config: Any, sizes: dict[str, int] = FEW) -> None:
    """Stock TFMA's files in `folder`."""
    import pandas as pd
    import tensorflow_model_analysis as tfma

    rows = rows_of(n_rows, sizes)
    tfma.analyze_raw_data(pd.DataFrame({**rows.scores, **rows.columns}), config, output_path=str(folder))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fast")
    evaluate(config_of(), measured_rows(400), str(folder), "rows", {"candidate": "one", "baseline": "two"})
    return folder


def test_tfma_loads_the_metrics_of_every_slice(results: Path) -> None:
    import tensorflow_model_analysis as tfma

    loaded = tfma.load_eval_result(str(results), model_name="candidate")
    found = dict(loaded.slicing_metrics)
    (measured, *_) = measured_rows(400)
    overall = {  # TFMA shows a value that has an interval as a bounded one
        name: value.get("doubleValue", value.get("boundedValue", {}).get("value"))
        for name, value in found[()][""][""].items()
    }
    assert overall["auc_exact"] == pytest.approx(measured.metrics["candidate"]["auc"].value[0])
    assert overall["ece"] == pytest.approx(measured.metrics["candidate"]["ece"].value[0])
    assert overall["example_count"] == 400
    assert (("device", "device-0"),) in found
    assert loaded.config == config_of()


def test_intervals_are_in_tfmas_own_field(results: Path) -> None:
    import tensorflow_model_analysis as tfma

    overall = next(one for one in tfma.load_metrics(str(results)) if not one.slice_key.single_slice_keys)
    (measured, *_) = measured_rows(400)
    by_key = {(one.key.name, one.key.model_name, one.key.is_diff): one for one in overall.metric_keys_and_values}
    single = by_key["auc_exact", "candidate", False].confidence_interval
    assert single.lower_bound.double_value.value == pytest.approx(measured.metrics["candidate"]["auc"].low[0])
    difference = by_key["ece", "candidate", True].confidence_interval
    assert difference.upper_bound.double_value.value == pytest.approx(measured.differences["ece"].high[0])


def test_tfma_loads_the_verdict_with_the_bounds_that_failed(tmp_path: Path) -> None:
    import tensorflow_model_analysis as tfma

    config = config_of()
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name == "ExactAUC":
            metric.per_slice_thresholds[0].threshold.value_threshold.lower_bound.value = 0.999
        if metric.class_name == "Calibration":
            metric.per_slice_thresholds[0].threshold.value_threshold.upper_bound.value = 9.0
    evaluate(config, measured_rows(400), str(tmp_path), "rows", {})
    verdict = tfma.load_validation_result(str(tmp_path))
    assert not verdict.validation_ok
    (failed,) = verdict.metric_validations_per_slice
    assert [one.metric_key.name for one in failed.failures] == ["auc_exact"]
    assert not failed.slice_key.single_slice_keys


def test_a_metric_that_only_tfma_knows_is_named(tmp_path: Path) -> None:
    config = config_of()
    config.metrics_specs[0].metrics.add(class_name="MeanSquaredError")
    with pytest.raises(UnknownMetricError, match="MeanSquaredError"):
        evaluate(config, measured_rows(50), str(tmp_path), "rows", {})


def test_both_routes_write_the_same_on_few_rows(results: Path, tmp_path: Path) -> None:
    """Metrics, differences and slices; and the same verdict, as the validator put it down."""
    import tensorflow_model_analysis as tfma

    stock(tmp_path, 400, config_of())
    gap, worst = greatest_difference(values_of(results), values_of(tmp_path))
    assert gap < 1e-6, worst
    fast, slow = (tfma.load_validation_result(str(folder)) for folder in (results, tmp_path))
    assert fast == slow
    assert {one.name for one in results.iterdir()} == {one.name for one in tmp_path.iterdir()}


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_both_routes_write_the_same_on_100k_rows(tmp_path: Path) -> None:
    """Overall and on each of 28 slices, to 1e-6. One model: stock TFMA takes seconds for each slice, and gigabytes that
    only a process's end gives back. All 100 slices of six columns: `python -m benchmarks.evaluator`."""
    n_rows, sizes = 100_000, {name: SLICE_COLUMNS[name] for name in ("device", "position", "site")}
    fast, slow = tmp_path / "fast", tmp_path / "slow"
    fast.mkdir()
    config = config_of_columns(sizes, baseline=False)
    evaluate(config, measured_rows(n_rows, sizes, baseline=False), str(fast), "rows", {})
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        process.submit(stock, slow, n_rows, config, sizes).result()
    found = values_of(fast)
    gap, worst = greatest_difference(found, values_of(slow))
    assert gap < 1e-6, worst
    assert sum(math.isfinite(value) for value in found.values()) > 29 * 16  # of 29 slices × 17 metrics
