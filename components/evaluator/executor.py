"""Unpacks the Evaluator's artifacts, scores the rows, has them measured (fast route or stock TFMA) and judged."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
from google.protobuf import json_format
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.filesystem import join, open_binary
from components.evaluator.eval_columns import number_values
from components.evaluator.measuring import as_json, measure
from components.evaluator.scoring import score
from components.evaluator.sliced_rows import FloatArray
from components.evaluator.slices import slicings_from_columns
from components.pusher.history import current_user
from components.quality_gate.blessing import bless, name_models, write_verdict
from components.quality_gate.verdict import Force, judge_measured
from configs.evaluation import Evaluation
from configs.features import FeatureTable

SCORES_FILE = "scores.npz"
METRICS_FILE = "click_metrics.json"


class ServedBaselineExecutor(BaseBeamExecutor):
    """Work of ServedBaselineEvaluator. TFMA takes most of a second to import, so it waits until it is wanted."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates as TFX does, without a model in service without a baseline, and blesses by the gate's verdict.

        Beside TFMA's files it writes scores.npz (label, weight, candidate and, with a model in service, baseline; all
        [rows]), click_metrics.json (every metric of every slice, with intervals) and quality_gate.json.
        """
        baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
        if not baseline.get_int_custom_property("version"):
            input_dict = {key: value for key, value in input_dict.items() if key != "baseline_model"}
            baseline = None
        folder = artifact_utils.get_single_uri(output_dict["evaluation"])
        config = _eval_config(exec_properties["eval_config"])
        columns = artifact_utils.get_single_uri(input_dict["columns"])
        if exec_properties["engine"] == "tfma":
            from tfx.components.evaluator import executor as tfx_executor

            tfx_executor.Executor(self._context).Do(input_dict, output_dict, exec_properties)

        scores = _scores(input_dict, FeatureTable.model_validate_json(exec_properties["features"]), columns)
        wanted = [tuple(spec.feature_keys) for spec in config.slicing_specs]
        measured = measure(scores, slicings_from_columns(columns, wanted))
        if exec_properties["engine"] == "fast":
            from components.evaluator.fast_evaluation import evaluate, filled_in

            models = {"candidate": "model", "baseline": "baseline_model"} if baseline is not None else {"": "model"}
            evaluate(
                filled_in(config, has_baseline=baseline is not None),
                measured,
                folder,
                artifact_utils.get_split_uri(input_dict["examples"], "eval"),
                {name: _saved_model(input_dict, key) for name, key in models.items()},
            )
        with open_binary(join(folder, SCORES_FILE), mode="wb") as stream:
            np.savez(stream, **scores)
        with open_binary(join(folder, METRICS_FILE), mode="wb") as stream:
            stream.write(json.dumps(as_json(measured), allow_nan=False, separators=(",", ":")).encode())
        settings = Evaluation.model_validate_json(exec_properties["gate"])
        verdict = judge_measured(measured, settings, _force(exec_properties["force_bless"]))
        write_verdict(folder, verdict)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        name_models(blessing, artifact_utils.get_single_instance(input_dict["model"]), baseline)
        bless(blessing, verdict)


def _force(reason: str) -> Force | None:
    if not reason:
        return None
    now = datetime.datetime.now(datetime.timezone.utc)
    return Force(reason, current_user(), now.isoformat(timespec="seconds"))


def _eval_config(text: str) -> Any:
    from tensorflow_model_analysis.proto import config_pb2

    return json_format.Parse(text, config_pb2.EvalConfig())


def _scores(input_dict: dict[str, list[Any]], table: FeatureTable, columns: str) -> dict[str, FloatArray]:
    """Label, weight and each model's scores, in the order of the Examples, which is that of the columns."""
    uris = [artifact_utils.get_split_uri(input_dict["examples"], "eval")]
    arrays = {"label": number_values(columns, table.label.name, 0.0)}
    if table.weight is not None:
        arrays["weight"] = number_values(columns, table.weight.name, 1.0)
    for name, key in (("candidate", "model"), ("baseline", "baseline_model")):
        if key in input_dict:
            arrays[name] = score(_saved_model(input_dict, key), uris)
    return arrays


def _saved_model(input_dict: dict[str, list[Any]], key: str) -> str:
    return str(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[key])))
