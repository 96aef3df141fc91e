"""The fast route: what stock TFMA writes for an EvalConfig, from arrays on one machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adclick.errors import AdclickError
from components.evaluator.binned_curves import binned_auc, binned_pr_auc
from components.evaluator.measuring import Measured
from components.evaluator.registry import METRICS
from components.evaluator.sliced_rows import FloatArray, SlicedRows
from components.evaluator.slices import SliceKey
from components.evaluator.tfma_results import write_results

OWN_CLASSES = ("ClickMetric", "ExactAUC")
STOCK: dict[str, str | Callable[[SlicedRows], FloatArray]] = {
    "AUC": binned_auc,
    "AUCPrecisionRecall": binned_pr_auc,
    "BinaryCrossentropy": "log_loss",
    "Calibration": "calibration_ratio",
    "MeanLabel": "mean_label",
    "MeanPrediction": "mean_prediction",
}
"""TFMA's and Keras's metric classes that are known here: a metric of the registry, or a function of the rows."""


class UnknownMetricError(AdclickError):
    """The EvalConfig has a metric that only stock TFMA computes."""


def evaluate(
    eval_config: Any,
    measured: Sequence[Measured],
    folder: str,
    data_location: str,
    model_locations: Mapping[str, str],
) -> Any:
    """Writes TFMA's result files and returns its ValidationResult.

    `eval_config`: with defaults filled in (`filled_in`). `measured`: one entry a slicing spec. UnknownMetricError.
    """
    metrics: list[tuple[SliceKey, dict[Any, float]]] = []
    intervals: dict[SliceKey, dict[Any, tuple[float, float]]] = {}
    wanted = _wanted(eval_config)
    baseline = next((spec.name for spec in eval_config.model_specs if spec.is_baseline), None)
    for one in measured:
        values = {key: _values(key, source, one) for key, source in wanted}
        ends = {key: _ends(key, source, one) for key, source in wanted}
        if baseline is not None:
            for key, source in wanted:
                if key.model_name != baseline:
                    values[key.make_diff_key()] = values[key] - values[key.make_baseline_key(baseline)]
                    ends[key.make_diff_key()] = _difference_ends(source, one)
        for index, slice_key in enumerate(one.slicing.keys):
            metrics.append((slice_key, {key: float(value[index]) for key, value in values.items()}))
            intervals[slice_key] = {
                key: (float(pair[0][index]), float(pair[1][index]))
                for key, pair in ends.items()
                if pair is not None and not np.isnan(pair[0][index])
            }
    return write_results(folder, eval_config, metrics, intervals, data_location, model_locations)


def filled_in(eval_config: Any, has_baseline: bool) -> Any:
    """The EvalConfig as TFX's Evaluator uses it: with the baseline's model spec, without bounds that have none."""
    from tensorflow_model_analysis.utils import config_util

    updated = config_util.update_eval_config_with_defaults(eval_config, has_baseline=has_baseline, rubber_stamp=True)
    config_util.verify_eval_config(updated)
    return updated


def _wanted(eval_config: Any) -> list[tuple[Any, str | Callable[[SlicedRows], FloatArray]]]:
    """(MetricKey, what gives its values) of each metric and model."""
    from tensorflow_model_analysis.metrics import metric_specs

    found: list[tuple[Any, str | Callable[[SlicedRows], FloatArray]]] = []
    for key, config, _ in metric_specs.keys_and_metrics_from_specs(eval_config, eval_config.metrics_specs):
        if config.class_name == "ExampleCount":
            found.append((key, _weight if key.example_weighted else _count))
        elif config.class_name in OWN_CLASSES:
            found.append((key, "auc" if config.class_name == "ExactAUC" else key.name))
        elif config.class_name in STOCK and not config.config:
            found.append((key, STOCK[config.class_name]))
        else:
            raise UnknownMetricError(
                f"evaluation.engine is 'fast', which does not know metric {config.class_name} {config.config}: "
                "choose evaluation.engine 'tfma'"
            )
    return found


def _count(rows: SlicedRows) -> FloatArray:
    return rows.count.astype(float)


def _weight(rows: SlicedRows) -> FloatArray:
    return rows.weights


def _model(key: Any) -> str:
    return "baseline" if key.model_name == "baseline" else "candidate"


def _values(key: Any, source: str | Callable[[SlicedRows], FloatArray], one: Measured) -> FloatArray:
    if callable(source):
        return source(one.rows[_model(key)])
    return one.metrics[_model(key)][source].value


def _ends(
    key: Any, source: str | Callable[[SlicedRows], FloatArray], one: Measured
) -> tuple[FloatArray, FloatArray] | None:
    if source not in METRICS:
        return None
    found = one.metrics[_model(key)][str(source)]
    return found.low, found.high


def _difference_ends(
    source: str | Callable[[SlicedRows], FloatArray], one: Measured
) -> tuple[FloatArray, FloatArray] | None:
    if source not in METRICS:
        return None
    found = one.differences[str(source)]
    return found.low, found.high
