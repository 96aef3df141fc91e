"""TFX's Evaluator, told when no model is in service; our gate decides on the rows' scores, which stay beside."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.filesystem import join, open_binary
from components.evaluator.scoring import read_column, score
from components.pusher.history import current_user
from components.quality_gate.blessing import bless, write_verdict
from components.quality_gate.slice_columns import slice_columns
from components.quality_gate.slices import slicings
from components.quality_gate.verdict import Force, judge
from configs.evaluation import Evaluation
from configs.features import FeatureTable

SCORES_FILE = "scores.npz"


class ServedBaselineExecutor(BaseBeamExecutor):
    """Work of ServedBaselineEvaluator. TFMA takes most of a second to import, so it waits until it is wanted."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates as TFX does, and blesses by the gate's verdict instead of TFMA's.

        Writes scores.npz: label, weight, candidate and, with a model in service, baseline, all [rows]; and
        quality_gate.json.
        """
        from tfx.components.evaluator import executor as tfx_executor

        baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
        if not baseline.get_int_custom_property("version"):
            input_dict = {key: value for key, value in input_dict.items() if key != "baseline_model"}
        tfx_executor.Executor(self._context).Do(input_dict, output_dict, exec_properties)

        table = FeatureTable.model_validate_json(exec_properties["features"])
        uris = [artifact_utils.get_split_uri(input_dict["examples"], "eval")]
        arrays = {"label": read_column(uris, table.label.name, tf.int64, 0).astype(np.float64)}
        if table.weight is not None:
            arrays["weight"] = read_column(uris, table.weight.name, tf.float32, 1.0).astype(np.float64)
        for name, key in (("candidate", "model"), ("baseline", "baseline_model")):
            if key in input_dict:
                arrays[name] = score(
                    path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[key])), uris
                )
        evaluation = artifact_utils.get_single_uri(output_dict["evaluation"])
        with open_binary(join(evaluation, SCORES_FILE), mode="wb") as stream:
            np.savez(stream, **arrays)

        settings = Evaluation.model_validate_json(exec_properties["gate"])
        verdict = judge(
            arrays["label"],
            arrays["candidate"],
            arrays.get("baseline"),
            arrays.get("weight"),
            slicings(settings.slices, slice_columns(uris, settings.slices, table)),
            settings,
            _force(exec_properties["force_bless"]),
        )
        write_verdict(evaluation, verdict)
        bless(artifact_utils.get_single_instance(output_dict["blessing"]), verdict)


def _force(reason: str) -> Force | None:
    if not reason:
        return None
    now = datetime.datetime.now(datetime.timezone.utc)
    return Force(reason, current_user(), now.isoformat(timespec="seconds"))
