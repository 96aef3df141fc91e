"""Unpacks AnomalyGate's artifacts and stops the run where the data must not be trained on."""

from __future__ import annotations

import json
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from adclick.errors import DataGateError
from adclick.filesystem import join, open_binary, read_bytes
from components.anomaly_gate.comparisons import drift, skew
from components.anomaly_gate.decision import decide
from components.anomaly_gate.schema_anomalies import read_anomalies
from components.anomaly_gate.statistics_files import spans_below
from configs.anomalies import AnomalyLimits
from configs.features import FeatureTable
from configs.settings import Creatives, RowLimits

STATISTICS_FILE = "FeatureStats.pb"


class AnomalyGateExecutor(BaseExecutor):
    """Work of AnomalyGate."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes verdict.json. Raises DataGateError naming each limit that did not hold, with the verdict."""

        def uri(key: str) -> str:
            return str(artifact_utils.get_single_uri(input_dict[key]))

        limits = AnomalyLimits.model_validate_json(exec_properties["anomaly_limits"])
        table = FeatureTable.model_validate_json(exec_properties["features"])
        creatives = {"distinct": 0, "unusable": {}}
        if input_dict.get("creative_store"):
            creatives = json.loads(read_bytes(join(uri("creative_store"), "counts.json")))
        spans = spans_below(uri("span_statistics")) if input_dict.get("span_statistics") else {}
        earlier = None
        if exec_properties.get("reference_uri"):
            earlier = (int(exec_properties["reference_span"]), str(exec_properties["reference_uri"]))
        training = join(artifact_utils.get_split_uri(input_dict["statistics"], "train"), STATISTICS_FILE)
        decision = decide(
            json.loads(read_bytes(join(uri("ingest_report"), "counts.json")))["rows"],
            creatives,
            read_anomalies(artifact_utils.get_single_instance(input_dict["anomalies"])),
            drift(spans, earlier, exec_properties.get("reference_note", ""), table, limits),
            skew(training, table, limits),
            RowLimits.model_validate_json(exec_properties["row_limits"]),
            Creatives.model_validate_json(exec_properties["creative_limits"]),
            limits,
        )
        verdict = decision.as_json()
        if not decision.passed:
            raise DataGateError("the data gate stops the run:\n  " + "\n  ".join(decision.reasons()), verdict)
        folder = artifact_utils.get_single_uri(output_dict["verdict"])
        with open_binary(join(folder, "verdict.json"), mode="wb") as stream:
            stream.write(json.dumps(verdict, indent=1, ensure_ascii=False, allow_nan=False).encode())
