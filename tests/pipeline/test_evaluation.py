"""Settings to TFMA's evaluation config."""

from __future__ import annotations

from typing import Any

import pytest

from configs.evaluation import Bounds, Evaluation
from configs.features import FeatureTable
from pipeline.evaluation import eval_config

ENTRIES: list[dict[str, Any]] = [
    {"name": "device", "kind": "categorical"},
    {"name": "position", "kind": "categorical"},
    {"name": "clicked", "kind": "label"},
]
SETTINGS = Evaluation(slices=(("device",), ("device", "position")), bounds=Bounds(min_auc=0.6))


def config(*more: dict[str, Any]) -> Any:
    return eval_config(SETTINGS, FeatureTable.model_validate([*ENTRIES, *more]))


def test_the_model_is_asked_through_the_serving_signature() -> None:
    (model,) = config().model_specs
    assert (model.signature_name, model.label_key, model.prediction_key) == (
        "serving_default",
        "clicked",
        "click_probability",
    )
    assert model.example_weight_key == ""
    (weighted,) = config({"name": "importance", "kind": "weight"}).model_specs
    assert weighted.example_weight_key == "importance"


def test_slices_are_reported_beside_all_rows() -> None:
    assert [list(spec.feature_keys) for spec in config().slicing_specs] == [[], ["device"], ["device", "position"]]


def test_thresholds_hold_on_all_rows_together_and_nowhere_else() -> None:
    gated = {}
    for metric in config().metrics_specs[0].metrics:
        assert not metric.HasField("threshold")  # that one would hold on every slice
        if metric.per_slice_thresholds:
            (overall,) = metric.per_slice_thresholds
            assert [list(spec.feature_keys) for spec in overall.slicing_specs] == [[]]
            gated[metric.class_name] = overall.threshold
    assert sorted(gated) == ["BinaryCrossentropy", "Calibration", "ExactAUC"]
    auc, loss, ratio = gated["ExactAUC"], gated["BinaryCrossentropy"], gated["Calibration"]
    assert auc.value_threshold.lower_bound.value == pytest.approx(0.6)
    assert loss.value_threshold.upper_bound.value == pytest.approx(1.0)
    assert ratio.value_threshold.lower_bound.value == pytest.approx(0.8)
    assert ratio.value_threshold.upper_bound.value == pytest.approx(1.25)
    # TFMA holds a change against its limit whatever the noise of the rows; changes are our gate's
    assert not any(threshold.HasField("change_threshold") for threshold in gated.values())


def test_counts_and_means_are_reported_too() -> None:
    assert [metric.class_name for metric in config().metrics_specs[0].metrics][:3] == [
        "ExampleCount",
        "MeanLabel",
        "MeanPrediction",
    ]


def test_our_metrics_are_asked_for_by_classes_that_tfma_finds() -> None:
    """All of the registry: as TFMA's own class where it has one, else as ours."""
    from tensorflow_model_analysis.metrics import metric_specs

    from components.evaluator.registry import METRICS

    found = config()
    names = {key.name for key, _, _ in metric_specs.keys_and_metrics_from_specs(found, found.metrics_specs)}
    tfmas = {"log_loss": "binary_crossentropy", "calibration_ratio": "calibration", "auc": "auc_exact"}
    assert {tfmas.get(name, name) for name in METRICS} <= names
    assert names >= {"auc", "auc_precision_recall", "example_count"}
