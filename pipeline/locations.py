"""Where a run puts things: below its output root, and where the settings say so, artifacts and models in a store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from adclick.filesystem import join
from adclick.stores import is_remote
from configs.settings import Settings


class Locations(NamedTuple):
    """Folders and files of an output root. Names are part of the stable interface."""

    output_root: Path
    pipeline_root: str
    """Path or URI."""
    mirror: Path
    """Local copies of artifacts in a store; may be removed between runs."""
    metadata: Path | None
    """None: a cluster keeps its own."""
    model_folder: str
    """What TF Serving watches: path or URI."""
    reports: Path
    logs: Path
    schemas: Path | None
    """None: no folder is shared with whoever runs the graph, so it carries the schema itself."""
    tuning: Path
    temporary: Path


def locations(settings: Settings) -> Locations:
    """Absolute, so that a change of folder in between changes nothing."""
    root = Path(settings.output_root).resolve()
    return Locations(
        output_root=root,
        pipeline_root=_place(settings.pipeline_root or str(root / "pipeline_root")),
        mirror=root / "mirror",
        metadata=root / "metadata.db",
        model_folder=join(_place(settings.push.root or str(root / "serving")), settings.push.model_name),
        reports=root / "reports",
        logs=root / "logs",
        schemas=root / "schemas",
        tuning=root / "tuning",
        temporary=root / "tmp",
    )


def _place(path: str) -> str:
    return path.rstrip("/") if is_remote(path) else str(Path(path).resolve())
