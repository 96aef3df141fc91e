"""TFX's Evaluator, told when no model is in service, and leaving the rows' scores beside its results."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.filesystem import join, open_binary
from components.evaluator.scoring import read_column, score
from configs.features import FeatureTable

SCORES_FILE = "scores.npz"


class ServedBaselineExecutor(BaseBeamExecutor):
    """Work of ServedBaselineEvaluator. TFMA is imported when there is something to evaluate: it takes most of a second."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates and blesses as TFX does.

        Writes scores.npz: label, weight, candidate and, with a model in service, baseline; all [rows].
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
        with open_binary(
            join(artifact_utils.get_single_uri(output_dict["evaluation"]), SCORES_FILE), mode="wb"
        ) as stream:
            np.savez(stream, **arrays)
