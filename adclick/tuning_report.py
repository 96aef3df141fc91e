"""What a run's search found, or which earlier search's values it took up: for the summary, the terminal, later runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adclick.filesystem import join, read_bytes, replace_bytes
from trainer.trial_record import brief

if TYPE_CHECKING:
    from configs.best_values import Reused
    from configs.settings import Settings

TUNED_FILE, BEST_FILE = "tuned.yaml", "best.yaml"
SEARCHED, REUSED, NOT_REUSED = "searched", "reused", "not reused"


def tuning_part(
    outputs: Mapping[str, Mapping[str, str]], settings: Settings | None, reused: Reused | None, why_not: str
) -> dict[str, Any] | None:
    """`tuning` of the summary; None where neither a search nor an earlier one's values had a part in the run.

    `outputs`: artifact URIs by component and output key.
    """
    results = outputs.get("CreativeTuner", {}).get("tuner_results")
    if results:
        return {"state": SEARCHED, **json.loads(read_bytes(join(results, "trials.json")))}
    if reused is not None and settings is not None:
        overruled = reused.overruled(settings)
        return {
            "state": REUSED,
            "file": str(reused.file),
            "values": {path: value for path, value in reused.best.values.items() if path not in overruled},
            "overruled": overruled,
            "found": reused.best.found.model_dump(mode="json"),
        }
    return {"state": NOT_REUSED, "reason": why_not} if why_not else None


def tuning_lines(summary: Mapping[str, Any]) -> list[str]:
    """For the terminal."""
    tuning = summary.get("tuning")
    if tuning is None:
        return []
    if tuning["state"] == NOT_REUSED:
        return [f"tuning     an earlier search's values were not used: {tuning['reason']}"]
    values = ", ".join(f"{path} {brief(value)}" for path, value in tuning["values"].items()) or "none"
    if tuning["state"] == REUSED:
        overruled = ", ".join(tuning["overruled"])
        lines = [f"tuning     values of {tuning['file']}: {values}"]
        return lines + ([f"           but by --set for this run: {overruled}"] if overruled else [])
    own = tuning["own_log_loss"]
    compared = "" if own is None else f", the settings’ own {own:.5f}"
    failed = sum(trial["log_loss"] is None for trial in tuning["trials"])
    lost = f", {failed} failed" if failed else ""
    lines = [
        f"tuning     {len(tuning['trials'])} trials{lost}; the best: log loss {tuning['log_loss']:.5f}{compared}",
        f"           {values}",
    ]
    if summary["pushed_version"] is None:
        lines.append(f"           kept in the report's {TUNED_FILE} only, since the model is not in service")
    return lines


def publish_best(summary: Mapping[str, Any], report: Path, tuning_folder: Path) -> None:
    """Leaves a search's best values in the run's report folder and, where its model is in service, for later runs."""
    tuning = summary.get("tuning")
    if tuning is None or tuning["state"] != SEARCHED:
        return
    from configs.best_values import BestValues, Found, to_yaml

    found = {key: tuning[key] for key in Found.model_fields if key in tuning}
    spans = summary.get("spans") or []
    found |= {"trials": len(tuning["trials"]), "spans": spans}
    text = to_yaml(BestValues(values=tuning["values"], found=Found.model_validate(found))).encode()
    replace_bytes(str(report / TUNED_FILE), text)
    if summary["pushed_version"] is not None:
        replace_bytes(str(tuning_folder / BEST_FILE), text)
