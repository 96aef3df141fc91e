"""A compiled pipeline of four steps, as far as submission and the stub server look at one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TOKEN = "sesame-3f9c1d7a"
SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "adclick"},
    "schemaVersion": "2.1.0",
    "sdkVersion": "tfx-1.16.0",
    "root": {
        "inputDefinitions": {
            "parameters": {
                "epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": 8},
                "share": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
                "spans": {"parameterType": "STRING", "defaultValue": "all"},
                "images": {"parameterType": "BOOLEAN", "defaultValue": True},
            }
        },
        "dag": {
            "tasks": {
                "AnomalyGate": {"taskInfo": {"name": "AnomalyGate"}, "dependentTasks": ["AdExampleGen"]},
                "AdExampleGen": {"taskInfo": {"name": "AdExampleGen"}},
                "AtomicPusher": {
                    "taskInfo": {"name": "AtomicPusher"},
                    "dependentTasks": ["CreativeTrainer"],
                    "cachingOptions": {"enableCache": True},
                },
                "CreativeTrainer": {
                    "taskInfo": {"name": "CreativeTrainer"},
                    "dependentTasks": ["AdExampleGen", "AnomalyGate"],
                    "cachingOptions": {"enableCache": True},
                },
            }
        },
    },
    "components": {},
    "deploymentSpec": {"executors": {}},
}
PLATFORM = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"a": {"secretAsEnv": []}}}}}}
STEPS = ["AdExampleGen", "AnomalyGate", "CreativeTrainer", "AtomicPusher"]


def write_package(file: Path, *documents: object) -> Path:
    file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return file
