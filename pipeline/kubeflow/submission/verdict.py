"""What became of the model, as far as the run's report can be read from here."""

from __future__ import annotations

import json
from typing import Any

from adclick.filesystem import join, read_bytes
from configs.settings import Settings


def read_summary(settings: Settings, run_id: str) -> dict[str, Any] | None:
    """The summary that RunReport leaves at `<pipeline_root>/reports/<run id>/`; none where it cannot be read.

    The API knows whether steps succeeded, not whether a model was pushed.
    """
    if settings.pipeline_root is None:
        return None
    try:
        summary = json.loads(read_bytes(join(settings.pipeline_root, f"reports/{run_id}/summary.json")))
    except (
        Exception
    ):  # no rights, no network, no such file: stores raise kinds of their own, and it only adds to the end
        return None
    return summary if isinstance(summary, dict) and "pushed_version" in summary else None
