"""Whether what a component takes has arrived.

The launcher only warns where a component left nothing under an output, and where a download finds nothing. Some
components would pass over it: without statistics by span AnomalyGate has nothing to compare, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adclick.errors import AdclickError
from pipeline.kubeflow.launcher_paths import uri_of

POINTERS = ("pushed_model",)
"""Say by their properties where a model went; no files."""
BASELINES = ("baseline", "baseline_model")
"""Have files where a version is in service."""


def require_files(inputs: Mapping[str, list[Any]]) -> None:
    """Raises AdclickError for an input without any file that should have some."""
    for key, artifacts in inputs.items():
        for artifact in artifacts:
            if key in POINTERS or (key in BASELINES and not artifact.get_int_custom_property("version")):
                continue
            if not any(path.is_file() for path in Path(artifact.uri).rglob("*")):
                raise AdclickError(
                    f"input {key!r} came without files: {uri_of(artifact.uri)} is empty; the log of the component that "
                    "leaves it, and the launcher's warnings in it, say why; then run the pipeline again"
                )
