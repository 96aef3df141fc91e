"""Unpacks RunReport's artifacts."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from adclick.filesystem import join, open_binary, read_bytes
from components.evaluator.executor import METRICS_FILE, SCORES_FILE
from components.evaluator.scoring import read_column
from components.quality_gate.blessing import read_verdict
from components.run_report import summary as parts
from configs.evaluation import Evaluation


class RunReportExecutor(BaseExecutor):
    """Work of RunReport."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes summary.json."""

        def uri(key: str) -> str:
            return str(artifact_utils.get_single_uri(input_dict[key]))

        settings = Evaluation.model_validate_json(exec_properties["evaluation"])
        counts = json.loads(read_bytes(join(uri("ingest_report"), "counts.json")))
        stored = input_dict.get("creative_store")
        creatives = json.loads(read_bytes(join(uri("creative_store"), "counts.json"))) if stored else None
        gate = json.loads(read_bytes(join(uri("verdict"), "verdict.json")))
        with np.load(io.BytesIO(read_bytes(join(uri("evaluation_result"), SCORES_FILE)))) as archive:
            scores = {name: archive[name] for name in archive.files}
        by_slice = json.loads(read_bytes(join(uri("evaluation_result"), METRICS_FILE)))
        baseline = artifact_utils.get_single_instance(input_dict["baseline"])
        measured = parts.metrics_part(scores, baseline.get_int_custom_property("version"))
        quality = read_verdict(uri("evaluation_result"))
        canary = None
        if input_dict.get("infra_blessing"):
            canary = json.loads(read_bytes(join(uri("infra_blessing"), "verdict.json")))
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        version = pushed.get_string_custom_property("pushed_version")
        truth = None
        if settings.truth:
            uris = [artifact_utils.get_split_uri(input_dict["examples"], "eval")]
            ids = read_column(uris, parts.TRUTH_KEY, tf.string, "")
            truth = parts.truth_part(settings.truth, counts["spans"], ids, scores)
        summary = {
            **parts.rows_part(counts),
            "creatives": parts.creatives_part(creatives),
            **parts.gate_part(gate),
            **measured,
            **parts.slices_part(by_slice),
            "verdict": parts.verdict_part(quality, canary, pushed.get_string_custom_property("not_pushed")),
            "pushed_version": int(version) if version else None,
            "removed_versions": parts.numbers(pushed.get_string_custom_property("removed_versions")),
            "bayes_auc": truth["bayes_auc"] if truth else None,
            "truth": truth,
        }
        with open_binary(
            join(artifact_utils.get_single_uri(output_dict["summary"]), "summary.json"), mode="wb"
        ) as stream:
            stream.write(parts.dump(summary))
