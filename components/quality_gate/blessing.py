"""The verdict in the files and properties that TFX's Pusher and ours read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adclick.filesystem import join, open_binary, read_bytes
from components.quality_gate.verdict import Verdict

VERDICT_FILE = "quality_gate.json"
BLESSED, NOT_BLESSED = "BLESSED", "NOT_BLESSED"
"""File names of tfx/components/evaluator/constants.py."""
CURRENT, BASELINE = "current_model", "baseline_model"
"""Properties of the same file: URI and, with `_id`, number of the models that were judged."""
FORCE_REASON, FORCED_BY = "force_reason", "forced_by"


def write_verdict(folder: str, verdict: Verdict) -> None:
    """Beside the evaluation's results."""
    content = json.dumps(verdict.as_json(), indent=1, ensure_ascii=False, allow_nan=False).encode()
    with open_binary(join(folder, VERDICT_FILE), mode="wb") as stream:
        stream.write(content)


def read_verdict(folder: str) -> dict[str, Any]:
    """What `write_verdict` left."""
    found: dict[str, Any] = json.loads(read_bytes(join(folder, VERDICT_FILE)))
    return found


def name_models(blessing: Any, candidate: Any, baseline: Any | None) -> None:
    """Says on a ModelBlessing which Model artifacts were judged, as TFX's Evaluator does."""
    for key, model in ((CURRENT, candidate), (BASELINE, baseline)):
        if model is not None:
            blessing.set_string_custom_property(key, model.uri)
            blessing.set_int_custom_property(f"{key}_id", model.id)


def bless(blessing: Any, verdict: Verdict) -> None:
    """Marks a ModelBlessing artifact whose folder is local: property `blessed`, and a file of the same meaning.

    A forced one keeps the reason and who gave it in the properties `force_reason` and `forced_by`.
    """
    folder = Path(blessing.uri)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (BLESSED, NOT_BLESSED):
        (folder / name).unlink(missing_ok=True)
    (folder / (BLESSED if verdict.blessed else NOT_BLESSED)).write_bytes(b"")
    blessing.set_int_custom_property("blessed", int(verdict.blessed))
    if verdict.force is not None:
        blessing.set_string_custom_property(FORCE_REASON, verdict.force.reason)
        blessing.set_string_custom_property(FORCED_BY, f"{verdict.force.who} at {verdict.force.at}")
