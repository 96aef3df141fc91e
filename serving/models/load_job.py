"""One attempt to load one version: runs in a thread of its own and reports what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.models.loader import LoadedModel
from serving.models.version_scan import Fingerprint, fingerprint
from serving.request_error import Code, RequestError

Loader = Callable[[Path], LoadedModel]
"""From a version's folder to the model, warmed up."""


@dataclass(frozen=True)
class LoadJob:
    """A version to be loaded, and the files it had when that was decided."""

    model_name: str
    version: int
    folder: Path
    found: Fingerprint


@dataclass(frozen=True)
class LoadResult:
    """The model, or the code and reason why there is none."""

    found: Fingerprint
    model: LoadedModel | None = None
    code: Code = Code.OK
    reason: str = ""
    load_s: float = 0.0


def run_load(job: LoadJob, load: Loader) -> LoadResult:
    """Loads the version; a failure of any kind is a result, not an exception."""
    started_s = time.monotonic()
    try:
        model = load(job.folder)
    except Exception as error:
        # TensorFlow raises a different type for each kind of damage: none may stop the management.
        return LoadResult(job.found, code=_code_of(error), reason=_one_line(error))
    if fingerprint(job.folder) != job.found:
        model.close()
        return LoadResult(job.found, code=Code.UNAVAILABLE, reason="Files changed while it was being loaded")
    return LoadResult(job.found, model=model, load_s=time.monotonic() - started_s)


def _one_line(error: Exception) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return text[:1000] or type(error).__name__


def _code_of(error: Exception) -> Code:
    if isinstance(error, RequestError):
        return error.code
    number = getattr(error, "error_code", None)  # tf.errors.OpError has one; OSError and ValueError do not
    return Code.from_number(number) if isinstance(number, int) else Code.INVALID_ARGUMENT
