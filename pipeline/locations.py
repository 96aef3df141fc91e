"""Where a run puts things below its output root."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from configs.settings import Settings


class Locations(NamedTuple):
    """Folders and files of an output root. Names are part of the stable interface."""

    output_root: Path
    pipeline_root: Path
    metadata: Path
    model_folder: Path
    """What TF Serving watches."""
    reports: Path
    logs: Path
    schemas: Path
    temporary: Path


def locations(settings: Settings) -> Locations:
    """Absolute, so that a change of folder in between changes nothing."""
    root = Path(settings.output_root).resolve()
    return Locations(
        output_root=root,
        pipeline_root=root / "pipeline_root",
        metadata=root / "metadata.db",
        model_folder=root / "serving" / settings.push.model_name,
        reports=root / "reports",
        logs=root / "logs",
        schemas=root / "schemas",
        temporary=root / "tmp",
    )
