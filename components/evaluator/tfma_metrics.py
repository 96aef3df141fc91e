"""Our metrics as a TFMA metric, for stock TFMA on Beam: the same functions over rows that a combiner gathers.

Gap in TFMA: it has no exact AUC, average precision, normalized entropy, calibration error, lift or capture. Named in
an EvalConfig by module `components.evaluator.tfma_metrics`, class `ClickMetric` and config `{"name": "ece"}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import SlicedRows

_ROWS = "_click_rows"


class ClickMetric(metric_types.Metric):
    """`name`: a metric of `registry.METRICS`, exact over all rows of a slice, which one worker holds at the end."""

    def __init__(self, name: str) -> None:
        """ValueError: unknown name."""
        if name not in METRICS:
            raise ValueError(f"ClickMetric has name {name!r}; known are {', '.join(METRICS)}")
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


class ExactAUC(ClickMetric):
    """ClickMetric `auc` under the name `auc_exact`: TFMA's own AUC, by 10,000 thresholds, is named `auc`."""

    def __init__(self, name: str = "auc_exact") -> None:
        metric_types.Metric.__init__(self, metric_util.merge_per_key_computations(_computations), name=name)


class RowsCombiner(beam.CombineFn):
    """Gathers label, score and weight of a slice's rows, once for all our metrics: TFMA shares what has one key."""

    def __init__(self, key: Any, eval_config: Any, example_weighted: bool) -> None:
        self._key = key
        self._eval_config = eval_config
        self._example_weighted = example_weighted

    def create_accumulator(self) -> list[tuple[float, float, float]]:
        """No rows."""
        return []

    def add_input(
        self, accumulator: list[tuple[float, float, float]], element: Any
    ) -> list[tuple[float, float, float]]:
        """One example."""
        for label, score, weight in metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            example_weighted=self._example_weighted,
        ):
            accumulator.append((label.item(), score.item(), weight.item()))  # each of shape [1]
        return accumulator

    def merge_accumulators(
        self, accumulators: Iterable[list[tuple[float, float, float]]]
    ) -> list[tuple[float, float, float]]:
        """All rows, in any order: no metric depends on it."""
        return [row for accumulator in accumulators for row in accumulator]

    def extract_output(self, accumulator: list[tuple[float, float, float]]) -> dict[Any, Any]:
        """Sorted rows under the private key."""
        label, score, weight = np.array(accumulator, np.float64).reshape(-1, 3).T
        return {self._key: SlicedRows.sort(label, score, weight)}


def _computations(
    name: str,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    def key_of(named: str) -> Any:
        return metric_types.MetricKey(
            name=named, model_name=model_name, output_name=output_name, example_weighted=example_weighted
        )

    rows_key, key = key_of(_ROWS), key_of(name)
    metric = METRICS["auc" if name == "auc_exact" else name]

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        return {key: float(metric.value(metrics[rows_key])[0])}

    return [
        metric_types.MetricComputation(
            keys=[rows_key], preprocessors=None, combiner=RowsCombiner(rows_key, eval_config, example_weighted)
        ),
        metric_types.DerivedMetricComputation(keys=[key], result=result),
    ]
