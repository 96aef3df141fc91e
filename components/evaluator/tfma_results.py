"""Writes metrics in the files and protos of TFMA, so that its loaders, its validator and TFX's Pusher read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.evaluator.slices import SliceKey

SHARD = "-00000-of-00001.tfrecord"
VALIDATIONS = "validations.tfrecord"


def write_results(
    folder: str,
    eval_config: Any,
    metrics: Sequence[tuple[SliceKey, Mapping[Any, float]]],
    intervals: Mapping[SliceKey, Mapping[Any, tuple[float, float]]],
    data_location: str,
    model_locations: Mapping[str, str],
) -> Any:
    """Writes what stock TFMA writes and returns its ValidationResult.

    `metrics`: per slice the value of each tfma MetricKey, with differences to a baseline under the keys'
    `make_diff_key`. `intervals`: low and high of those that have an interval. `eval_config`: with defaults filled in.
    """
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2 as protos
    from tensorflow_model_analysis.slicer import slicer_lib
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

    def bounded(value: float, ends: tuple[float, float]) -> Any:
        result = protos.BoundedValue()
        result.value.value, (result.lower_bound.value, result.upper_bound.value) = value, ends
        return result

    records = []
    for key, values in metrics:
        ends = intervals.get(key, {})
        shown = {name: bounded(value, ends[name]) if name in ends else value for name, value in values.items()}
        records.append(writer.convert_slice_metrics_to_proto((key, shown), add_metrics_callbacks=None))
    keys = [slicer_lib.serialize_slice_key(key) for key, _ in metrics]
    _write_records(f"{folder}/metrics{SHARD}", records)
    _write_records(f"{folder}/plots{SHARD}", [protos.PlotsForSlice(slice_key=key) for key in keys])
    _write_records(f"{folder}/attributions{SHARD}", [protos.AttributionsForSlice(slice_key=key) for key in keys])
    validation = validate(eval_config, metrics)
    _write_records(f"{folder}/{VALIDATIONS}", [validation])
    _write_config(folder, eval_config, data_location, model_locations)
    return validation


def validate(eval_config: Any, metrics: Iterable[tuple[SliceKey, Mapping[Any, float]]]) -> Any:
    """TFMA's own verdict: its validator judges every slice that a threshold names, its combiner joins what it finds.

    A slice that no threshold names passes by definition; the validator would read the config anew for each of them.
    """
    from tensorflow_model_analysis.evaluators import metrics_validator
    from tensorflow_model_analysis.metrics import metric_specs
    from tensorflow_model_analysis.slicer import slicer_lib
    from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer

    thresholds = metric_specs.metric_thresholds_from_metrics_specs(eval_config.metrics_specs, eval_config=eval_config)
    named = [spec for pairs in thresholds.values() for spec, _ in pairs]
    everywhere = any(spec is None for spec in named)
    specs = {slicer_lib.SingleSliceSpec(spec=spec) for spec in named if spec is not None}
    combiner = writer.CombineValidations(eval_config, rubber_stamp=False)
    merged = combiner.create_accumulator()
    for key, values in metrics:
        if everywhere or not key or any(spec.is_slice_applicable(key) for spec in specs):
            merged = combiner.add_input(merged, metrics_validator.validate_metrics((key, dict(values)), eval_config))
    return combiner.extract_output(merged)


def _write_records(path: str, messages: Iterable[Any]) -> None:
    import tensorflow as tf

    with tf.io.TFRecordWriter(path) as records:
        for message in messages:
            records.write(message.SerializeToString())


def _write_config(folder: str, eval_config: Any, data_location: str, model_locations: Mapping[str, str]) -> None:
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2
    from tensorflow_model_analysis.version import VERSION

    from adclick.filesystem import join, open_binary

    run = config_pb2.EvalRun(
        eval_config=eval_config,
        version=VERSION,
        data_location=data_location,
        file_format="<unknown>",
        model_locations=dict(model_locations),
    )
    with open_binary(join(folder, "eval_config.json"), mode="wb") as stream:
        stream.write(json_format.MessageToJson(run).encode())
