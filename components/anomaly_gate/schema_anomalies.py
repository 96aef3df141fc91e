"""ExampleValidator's findings, as the gate judges them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils

from adclick.filesystem import join, read_bytes
from components.anomaly_gate.decision import ERROR, Anomaly

ANOMALIES_FILE = "SchemaDiff.pb"
WHOLE_DATA = ""


def read_anomalies(artifact: Any) -> list[Anomaly]:
    """Anomalies of every split of an ExampleAnomalies artifact."""
    found: list[Anomaly] = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        message = anomalies_pb2.Anomalies()
        message.ParseFromString(read_bytes(join(artifact_utils.get_split_uri([artifact], split), ANOMALIES_FILE)))
        if message.data_missing:
            kind = anomalies_pb2.AnomalyInfo.Type.Name(anomalies_pb2.AnomalyInfo.NO_DATA_IN_SPAN)
            found.append(Anomaly(split, WHOLE_DATA, kind, ERROR, "the statistics are over no rows"))
        found.extend(_reasons(split, WHOLE_DATA, message.dataset_anomaly_info))
        for feature, info in sorted(message.anomaly_info.items()):
            found.extend(_reasons(split, feature, info))
    return found


def _reasons(split: str, feature: str, info: anomalies_pb2.AnomalyInfo) -> Iterator[Anomaly]:
    severity = anomalies_pb2.AnomalyInfo.Severity.Name(info.severity)
    for reason in info.reason:
        yield Anomaly(split, feature, anomalies_pb2.AnomalyInfo.Type.Name(reason.type), severity, reason.description)
