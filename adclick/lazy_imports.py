"""Puts off modules that TFX's dependencies import at start-up and a run never or rarely touches.

Each is found at once and executed at its first attribute access, so that whoever does use it gets the real module.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

_RUNNERS = "tfx.components.infra_validator.model_server_runners"

# module -> who imports it at start-up, and for what
POSTPONED: dict[str, str] = {
    "nltk": "TFMA's ROUGE metric",
    "sacrebleu": "TFMA's BLEU metric",
    "sklearn": "Keras' scikit-learn wrappers",
    "IPython": "Keras' file editor and Beam's interactive runner",
    f"{_RUNNERS}.kubernetes_runner": "InfraValidator, which this package replaces",
    f"{_RUNNERS}.local_docker_runner": "InfraValidator, which this package replaces",
}


class _PostponingFinder(importlib.abc.MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._looking = threading.local()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the import system passes it
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._names or getattr(self._looking, "name", None) == fullname:
            return None
        self._looking.name = fullname
        try:
            spec = (
                importlib.util.find_spec(fullname)
                if path is None
                else importlib.machinery.PathFinder.find_spec(fullname, path)
            )
        finally:
            self._looking.name = None
        if spec is None or spec.loader is None:
            return None
        spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def postpone_heavy_leaves() -> None:
    """Installs the finder once; modules already imported stay as they are."""
    if not any(isinstance(finder, _PostponingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PostponingFinder(tuple(POSTPONED)))
