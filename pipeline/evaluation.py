"""Settings to TFMA's evaluation config: metrics, slices and absolute bounds."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import text_format

from configs.evaluation import Bounds, Evaluation
from configs.features import FeatureTable

REPORTED = ("ExampleCount", "MeanLabel", "MeanPrediction")
BY_THRESHOLDS = ("AUC", "AUCPrecisionRecall")
"""TFMA's own areas, of curves through 10,000 thresholds: for its tools. Bounds are on the exact AUC."""
OWN_MODULE = "components.evaluator.tfma_metrics"
OWN = (
    "pr_auc",
    "normalized_entropy",
    "ece",
    *(f"{kind}_at_{percent}pct" for percent in (1, 3, 10) for kind in ("lift", "capture")),
)
AUC, LOG_LOSS, CALIBRATION = "ExactAUC", "BinaryCrossentropy", "Calibration"


def eval_config(settings: Evaluation, table: FeatureTable) -> Any:
    """tfma.EvalConfig. Its thresholds are the absolute bounds on all rows together.

    TFMA's verdict on them is kept with its results; what blesses a model is components/quality_gate, which also knows
    the noise of the rows.
    """
    from tensorflow_model_analysis.proto import config_pb2

    config = config_pb2.EvalConfig()
    model = config.model_specs.add(
        signature_name="serving_default", label_key=table.label.name, prediction_key="click_probability"
    )
    if table.weight is not None:
        model.example_weight_key = table.weight.name
    config.slicing_specs.add()
    for columns in settings.slices:
        config.slicing_specs.add(feature_keys=columns)
    metrics = config.metrics_specs.add()
    for class_name in REPORTED:
        metrics.metrics.add(class_name=class_name)
    for class_name, threshold in thresholds(settings.bounds).items():
        bounded = metrics.metrics.add(class_name=class_name, module=OWN_MODULE if class_name == AUC else "")
        overall = bounded.per_slice_thresholds.add()
        overall.slicing_specs.add()
        text_format.Parse(threshold, overall.threshold)
    for class_name in BY_THRESHOLDS:
        metrics.metrics.add(class_name=class_name)
    for name in OWN:
        metrics.metrics.add(class_name="ClickMetric", module=OWN_MODULE, config=json.dumps({"name": name}))
    return config


def thresholds(bounds: Bounds) -> dict[str, str]:
    """MetricThreshold of each bounded metric as text."""
    return {
        AUC: f"value_threshold {{ lower_bound {{ value: {bounds.min_auc!r} }} }}",
        LOG_LOSS: f"value_threshold {{ upper_bound {{ value: {bounds.max_log_loss!r} }} }}",
        CALIBRATION: f"""
            value_threshold {{
              lower_bound {{ value: {bounds.min_calibration_ratio!r} }}
              upper_bound {{ value: {bounds.max_calibration_ratio!r} }}
            }}""",
    }
