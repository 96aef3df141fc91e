"""trials.json: every trial of a search, and the best."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from configs.best_values import inputs_fingerprint
from configs.features import FeatureTable
from configs.settings import Model
from trainer.trial_record import TrialRecord, best_of, own_log_loss

TRIALS_FILE = "trials.json"


def trials_document(
    records: Sequence[TrialRecord], measured_rows: int, config: Mapping[str, Any], run_id: str, at: datetime.datetime
) -> dict[str, Any]:
    """`config`: the tuner's custom_config. Raises AdclickError where no trial was completed."""
    best = best_of(records)
    settings = json.loads(config["tuner"])
    return {
        "run_id": run_id,
        "at": at.isoformat(timespec="seconds"),
        "algorithm": settings["algorithm"],
        "seed": settings["seed"],
        "measured_rows": measured_rows,
        "kind": Model.model_validate_json(config["model"]).kind,
        "inputs": inputs_fingerprint(FeatureTable.model_validate_json(config["features"])),
        "values": best.values,
        "trial": best.trial,
        "log_loss": best.log_loss,
        "own_log_loss": own_log_loss(records),
        "trials": [record._asdict() for record in records],
    }
