"""Unpacks RunReport's artifacts."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.filesystem import join, open_binary, read_bytes
from components.creative_gen.store import read_pixels
from components.evaluator.executor import METRICS_FILE, SCORES_FILE
from components.evaluator.scoring import read_column
from components.quality_gate.blessing import read_verdict
from components.run_report import summary as parts
from components.run_report.creative_ranking import thumbnails
from components.run_report.evidence import EvalRows, Sources, evidence, kinds
from components.run_report.model_importance import model_importance
from configs.evaluation import Evaluation
from configs.features import FeatureTable

SUMMARY_FILE, THUMBNAILS_FILE = "summary.json", "thumbnails.json"


class RunReportExecutor(BaseExecutor):
    """Work of RunReport."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes summary.json, and thumbnails.json: JPEG in base64 by a creative's path."""

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
        measured = parts.metrics_part(by_slice[0], baseline.get_int_custom_property("version"))
        quality = read_verdict(uri("evaluation_result"))
        canary = None
        if input_dict.get("infra_blessing"):
            canary = json.loads(read_bytes(join(uri("infra_blessing"), "verdict.json")))
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        version = pushed.get_string_custom_property("pushed_version")
        eval_uris = [artifact_utils.get_split_uri(input_dict["examples"], "eval")]
        truth = None
        if settings.truth:
            ids = read_column(eval_uris, parts.TRUTH_KEY, tf.string, "")
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
        table = FeatureTable.model_validate_json(exec_properties["features"])
        sources = Sources(
            ingest_report=uri("ingest_report"),
            creative_store=uri("creative_store") if stored else "",
            span_statistics=uri("span_statistics"),
            earlier_statistics=gate["drift"]["reference_uri"],
            model_run=uri("model_run"),
        )
        shown = None if table.image is None else read_column(eval_uris, table.image.name, tf.string, "")
        saved_model = path_utils.serving_model_path(uri("model"))
        importance = model_importance(saved_model, eval_uris, table, scores)
        summary["evidence"] = evidence(sources, kinds(table), EvalRows(scores, shown, importance))
        pictures = thumbnails(summary["evidence"]["creatives"], read_pixels(uri("creative_store"))) if stored else {}
        left = artifact_utils.get_single_uri(output_dict["summary"])
        for name, document in ((SUMMARY_FILE, summary), (THUMBNAILS_FILE, pictures)):
            with open_binary(join(left, name), mode="wb") as stream:
                stream.write(parts.dump(document))
