"""Unpacks AnomalyGate's artifacts and stops the run where the data must not be trained on."""

from __future__ import annotations

import json
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils

from adclick.errors import DataGateError
from adclick.filesystem import join, open_binary, read_bytes
from components.anomaly_gate.decision import Anomaly, decide
from configs.settings import AnomalyLimits, Creatives, RowLimits

ANOMALIES_FILE = "SchemaDiff.pb"


class AnomalyGateExecutor(BaseExecutor):
    """Work of AnomalyGate."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes verdict.json. Raises DataGateError naming each limit that did not hold."""
        report_uri = artifact_utils.get_single_uri(input_dict["ingest_report"])
        stores = input_dict.get("creative_store")
        creatives = {"distinct": 0, "unusable": {}}
        if stores:
            creatives = json.loads(read_bytes(join(artifact_utils.get_single_uri(stores), "counts.json")))
        decision = decide(
            json.loads(read_bytes(join(report_uri, "counts.json")))["rows"],
            creatives,
            read_anomalies(artifact_utils.get_single_instance(input_dict["anomalies"])),
            RowLimits.model_validate_json(exec_properties["row_limits"]),
            Creatives.model_validate_json(exec_properties["creative_limits"]),
            AnomalyLimits.model_validate_json(exec_properties["anomaly_limits"]),
        )
        if not decision.passed:
            raise DataGateError("the data gate stops the run:\n  " + "\n  ".join(decision.reasons()))
        verdict = {
            "passed": decision.passed,
            "checks": [check._asdict() for check in decision.checks],
            "accepted": [one._asdict() for one in decision.accepted],
            "noted": [one._asdict() for one in decision.noted],
        }
        with open_binary(
            join(artifact_utils.get_single_uri(output_dict["verdict"]), "verdict.json"), mode="wb"
        ) as stream:
            stream.write(json.dumps(verdict, indent=1).encode())


def read_anomalies(artifact: Any) -> list[Anomaly]:
    """Anomalies of every split of an ExampleAnomalies artifact."""
    found = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        message = anomalies_pb2.Anomalies()
        message.ParseFromString(read_bytes(join(artifact_utils.get_split_uri([artifact], split), ANOMALIES_FILE)))
        for feature, info in sorted(message.anomaly_info.items()):
            severity = anomalies_pb2.AnomalyInfo.Severity.Name(info.severity)
            for reason in info.reason:
                kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
                found.append(Anomaly(split, feature, kind, severity, reason.description))
    return found
